// Who may sign in, which programs hold keys, and which addresses are told what happens.
import { all } from '../api/client'
import type { User } from '../api/types'
import { useQuery } from '../app/router'
import { useMay } from '../app/session'
import { Await, Empty, useLoad } from '../parts/load'
import { Tabs } from '../parts/tabs'
import '../style/people.css'
import { t } from '../text'
import { Accounts } from './people/accounts'
import { Keys } from './people/keys'
import { Webhooks } from './people/webhooks'

function Administration() {
    const [tab, setTab] = useQuery('tab', 'accounts')
    const users = useLoad((s) => all<User>('/v1/users', {}, s), [])
    return (
        <Tabs
            label={t.shell.people}
            tabs={Object.entries(t.people.tabs) as [string, string][]}
            on={tab}
            choose={setTab}
        >
            {tab === 'keys' ? (
                <Await from={users}>{(list) => <Keys users={list} />}</Await>
            ) : tab === 'webhooks' ? (
                <Await from={users}>{(list) => <Webhooks users={list} />}</Await>
            ) : (
                <Accounts users={users} />
            )}
        </Tabs>
    )
}

export default function People() {
    const admin = useMay('admin')
    return (
        <>
            <div class="head">
                <h1>{t.shell.people}</h1>
            </div>
            {admin ? <Administration /> : <Empty title={t.people.onlyAdmins} text={t.people.onlyAdminsText} />}
        </>
    )
}
