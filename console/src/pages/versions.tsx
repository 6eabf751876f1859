// What was learned so far: the history, what each version is worth, and which of them answers.
import { useState } from 'preact/hooks'
import { all, api } from '../api/client'
import type { Collection, Label, Versions } from '../api/types'
import { Link, type Params, useQuery } from '../app/router'
import { useMay } from '../app/session'
import { Await, Empty, useLoad } from '../parts/load'
import { t } from '../text'
import { AnswerDialog } from './train/answering'
import { NamesContext, namesOf } from './train/names'
import { History } from './versions/history'
import { One } from './versions/one'
import { Trend } from './versions/trend'
import '../style/train.css'
import '../style/versions.css'

const s = t.versions

interface Known {
    collection: Collection
    labels: Label[]
    versions: Versions
}

async function read(id: number, signal: AbortSignal): Promise<Known> {
    const [collection, labels, versions] = await Promise.all([
        api.get<Collection>(`/v1/collections/${id}`, {}, signal),
        all<Label>(`/v1/collections/${id}/labels`, { grouped: false }, signal),
        api.get<Versions>(`/v1/collections/${id}/versions`, {}, signal),
    ])
    return { collection, labels, versions }
}

function Body({ known, reload }: { known: Known; reload: () => void }) {
    const may = useMay('enroll')
    const [open, setOpen] = useQuery('open')
    const [beside, setBeside] = useQuery('with')
    const [asks, ask] = useState<number | null>(null)
    const { collection, versions } = known
    if (!versions.items.length)
        return (
            <Empty title={s.emptyTitle} text={s.emptyText}>
                {may && (
                    <Link to={`/c/${collection.id}/train`} class="button primary">
                        {s.toTrain}
                    </Link>
                )}
            </Empty>
        )
    const look = (version: string) => {
        setBeside('')
        setOpen(version)
    }
    return (
        <NamesContext.Provider value={namesOf(known.labels)}>
            <p>{s.text}</p>
            {may && versions.previous !== null && (
                <div class="actions after">
                    <button type="button" onClick={() => ask(versions.previous)}>
                        {s.rollBack(versions.previous)}
                    </button>
                </div>
            )}
            <Trend versions={versions} />
            <History versions={versions} open={open} look={(v) => look(String(v))} answer={may ? ask : null} />
            {open && (
                <One
                    collection={collection.id}
                    modality={collection.modality}
                    versions={versions}
                    open={open}
                    beside={beside}
                    setBeside={setBeside}
                    close={() => look('')}
                />
            )}
            {asks !== null && (
                <AnswerDialog
                    collection={collection.id}
                    version={asks}
                    live={versions.live}
                    changed={reload}
                    close={() => ask(null)}
                />
            )}
        </NamesContext.Provider>
    )
}

export default function Page({ params }: { params: Params }) {
    const id = Number(params.collection)
    const known = useLoad((signal) => read(id, signal), [id])
    return (
        <>
            <div class="head">
                <h1>{t.shell.versions}</h1>
            </div>
            <Await from={known}>{(d) => <Body known={d} reload={known.reload} />}</Await>
        </>
    )
}
