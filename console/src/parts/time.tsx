// When something was: how long ago for what is recent, and the whole time to whom asks for it.
import { t } from '../text'
import { day, when } from './when'

/** "3 min ago" within a day, "yesterday" and "4 days ago" within a week, else the day. */
function agoText(iso: string, now = Date.now()): string {
    const minutes = Math.floor((now - Date.parse(iso)) / 60000)
    if (minutes < 1) return t.time.now
    if (minutes < 60) return t.time.minutes(minutes)
    if (minutes < 24 * 60) return t.time.hours(Math.floor(minutes / 60))
    const days = Math.floor(minutes / (24 * 60))
    return days < 7 ? t.time.days(days) : day(new Date(iso))
}

export function When({ at, never = '–' }: { at: string | null; never?: string }) {
    if (!at) return <>{never}</>
    return (
        <time class="when" dateTime={at} title={when(at)}>
            {agoText(at)}
        </time>
    )
}
