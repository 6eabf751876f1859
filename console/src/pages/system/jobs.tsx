// Jobs of all kinds, page after page.
import { useQuery } from '../../app/router'
import { Select } from '../../parts/form'
import { JobTable, useJobs } from '../../parts/jobs'
import { Await, Empty } from '../../parts/load'
import { Pages } from '../../parts/pages'
import { t } from '../../text'

const pairs = (texts: Record<string, string>) => Object.entries(texts) as [string, string][]

export function Jobs() {
    const [state, setState] = useQuery('state')
    const [kind, setKind] = useQuery('kind')
    const [before, setBefore] = useQuery('before')
    const jobs = useJobs({ limit: 50, state, kind, cursor: before })
    const filter = (set: (to: string) => void) => (to: string) => {
        setBefore('')
        set(to)
    }
    return (
        <>
            <div class="actions filters">
                <Select
                    aria-label={t.system.state}
                    value={state}
                    change={filter(setState)}
                    options={[['', t.system.everyState], ...pairs(t.jobs.state)]}
                />
                <Select
                    aria-label={t.system.kindOf}
                    value={kind}
                    change={filter(setKind)}
                    options={[['', t.system.everyKind], ...pairs(t.jobs.kind)]}
                />
            </div>
            <Await from={jobs}>
                {(page) =>
                    page.items.length ? (
                        <>
                            <JobTable jobs={page.items} label={t.system.tabs.jobs} changed={jobs.reload} />
                            <Pages before={before} next={page.next_cursor} turn={setBefore} />
                        </>
                    ) : (
                        <Empty title={t.system.noJobs} text={t.system.noJobsText}>
                            {(state || kind || before) && (
                                <button
                                    type="button"
                                    onClick={() => {
                                        setBefore('')
                                        setState('')
                                        setKind('')
                                    }}
                                >
                                    {t.common.showAll}
                                </button>
                            )}
                        </Empty>
                    )
                }
            </Await>
        </>
    )
}
