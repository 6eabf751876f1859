// All texts of the console in one table. Another language is another table of the same shape.
import { common, decisions, errors, jobs, keys, picker } from './en/common'
import { account } from './en/account'
import { collection } from './en/collection'
import { collections } from './en/collections'
import { events, time } from './en/events'
import { home } from './en/home'
import { label } from './en/label'
import { listen } from './en/listen'
import { live } from './en/live'
import { me } from './en/me'
import { media } from './en/media'
import { people } from './en/people'
import { review } from './en/review'
import { samples } from './en/samples'
import { session } from './en/session'
import { settings } from './en/settings'
import { shell, signIn } from './en/shell'
import { system } from './en/system'
import { answering, changes, evaluation, train } from './en/train'
import { units } from './en/units'
import { versions } from './en/versions'

export const t = {
    account,
    answering,
    changes,
    collection,
    collections,
    common,
    decisions,
    errors,
    evaluation,
    events,
    home,
    jobs,
    keys,
    label,
    listen,
    live,
    me,
    media,
    people,
    picker,
    review,
    samples,
    session,
    settings,
    shell,
    signIn,
    system,
    time,
    train,
    units,
    versions,
}
