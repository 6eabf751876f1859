// What the camera sees, or the microphone hears, named as it comes.
import { useState } from 'preact/hooks'
import { all, api } from '../api/client'
import type { CollectionFull, Label } from '../api/types'
import { Link, type Params, useQuery } from '../app/router'
import { Await, Empty, type Loaded, useLoad } from '../parts/load'
import { Tabs } from '../parts/tabs'
import '../style/live.css'
import { t } from '../text'
import { Faces } from './live/faces'
import { DropHere } from './live/pick'
import { TryPhoto } from './live/photo'
import { Sounds } from './live/sounds'

function Untrained({ collection }: { collection: CollectionFull }) {
    const { id, modality } = collection
    return (
        <Empty title={t.live.untrained.title[modality]} text={t.live.untrained.text[modality]}>
            <Link to={`/c/${id}`} class="button primary">
                {t.live.untrained.add}
            </Link>
            <Link to={`/c/${id}/train`} class="button">
                {t.live.untrained.train}
            </Link>
        </Empty>
    )
}

function FacesOrPhoto({ collection, labels }: { collection: CollectionFull; labels: Loaded<Label[]> }) {
    const [tab, setTab] = useQuery('tab', 'camera')
    const [file, setFile] = useState<File | null>(null)
    const pick = (f: File) => {
        setFile(f)
        setTab('photo')
    }
    return (
        <Tabs label={t.live.tabsLabel} tabs={Object.entries(t.live.tabs)} on={tab} choose={setTab}>
            {tab === 'photo' ? (
                <TryPhoto collection={collection} labels={labels.data ?? []} file={file} pick={pick} />
            ) : (
                <DropHere pick={pick}>
                    <Faces collection={collection} labels={labels} />
                </DropHere>
            )}
        </Tabs>
    )
}

export default function Live({ params }: { params: Params }) {
    const id = params.collection!
    const collection = useLoad((s) => api.get<CollectionFull>(`/v1/collections/${id}`, {}, s), [id])
    const labels = useLoad((s) => all<Label>(`/v1/collections/${id}/labels`, {}, s), [id])
    return (
        <>
            <div class="head">
                <h1>{t.shell.live}</h1>
            </div>
            <Await from={collection}>
                {(c) =>
                    c.live === null ? (
                        <Untrained collection={c} />
                    ) : c.modality === 'sound' ? (
                        <Sounds collection={c} />
                    ) : (
                        <FacesOrPhoto collection={c} labels={labels} />
                    )
                }
            </Await>
        </>
    )
}
