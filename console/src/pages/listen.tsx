// A recording, seen and heard, with what is in it.
import { useState } from 'preact/hooks'
import { all, api } from '../api/client'
import type { CollectionFull, Label } from '../api/types'
import { type Params, useQuery } from '../app/router'
import { Await, useLoad } from '../parts/load'
import '../style/listen.css'
import '../style/live.css'
import { t } from '../text'
import { Recordings } from './listen/list'
import { KeptRecording, Recording } from './listen/recording'
import { DropHere, PickButton } from './live/pick'

export default function Listen({ params }: { params: Params }) {
    const id = params.collection!
    const collection = useLoad((s) => api.get<CollectionFull>(`/v1/collections/${id}`, {}, s), [id])
    const labels = useLoad((s) => all<Label>(`/v1/collections/${id}/labels`, {}, s), [id])
    const [media, setMedia] = useQuery('media')
    const [file, setFile] = useState<File | null>(null)
    const pick = (f: File) => {
        setMedia('')
        setFile(f)
    }
    const back = () => {
        setMedia('')
        setFile(null)
        collection.reload()
    }
    return (
        <DropHere pick={pick}>
            <div class="head">
                <h1>{t.listen.title}</h1>
                <div class="actions">
                    {(media || file) && (
                        <button type="button" onClick={back}>
                            {t.listen.another}
                        </button>
                    )}
                    <PickButton modality="sound" text={t.live.choose.sound} pick={pick} primary={!media && !file} />
                </div>
            </div>
            <Await from={collection}>
                {(c) =>
                    media ? (
                        <KeptRecording key={media} collection={c} labels={labels} id={media} />
                    ) : file ? (
                        <Recording
                            key={`${file.name} ${file.lastModified}`}
                            collection={c}
                            labels={labels}
                            file={file}
                            name={file.name}
                            media={null}
                        />
                    ) : (
                        <>
                            <p class="note">{t.live.drop.sound}</p>
                            <Recordings collection={c} />
                        </>
                    )
                }
            </Await>
        </DropHere>
    )
}
