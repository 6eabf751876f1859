// A zip archive with a folder for each label comes in: how far it is, and what became of it.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { api, upload } from '../../api/client'
import type { Collection, Imported, System } from '../../api/types'
import { go } from '../../app/router'
import { bytesText } from '../../parts/bytes'
import { Dialog } from '../../parts/dialog'
import { percent } from '../../parts/face'
import { Field, Form } from '../../parts/form'
import { Problem } from '../../parts/load'
import { t } from '../../text'

/** Refuses an archive that the server would cut off in the middle. */
async function fits(file: File): Promise<void> {
    const most = (await api.get<System>('/v1/system')).limits.body
    if (file.size >= most) throw new Error(t.collections.tooLarge(bytesText(file.size), bytesText(most)))
}

async function bring(
    collection: Collection,
    file: File,
    progress: (share: number) => void,
    signal: AbortSignal,
): Promise<Imported> {
    await fits(file)
    const form = new FormData()
    form.append('file', file)
    return upload<Imported>(`/v1/collections/${collection.id}/import`, form, progress, signal)
}

/** Choosing the archive. */
export function ArchiveField({
    label,
    help,
    choose,
}: {
    label: string
    help?: string
    choose: (file: File | undefined) => void
}) {
    return (
        <Field label={label} help={help}>
            <input type="file" accept=".zip,application/zip" onChange={(e) => choose(e.currentTarget.files?.[0])} />
        </Field>
    )
}

export function FolderExample({ modality }: { modality: Collection['modality'] }) {
    return <pre class="folders">{modality === 'face' ? t.collections.example : t.collections.exampleSound}</pre>
}

function Outcome({ result }: { result: Imported }) {
    const untold = result.refused - result.items.length
    return (
        <>
            <dl class="figures" role="status">
                <div>
                    <dt>{t.collections.added}</dt>
                    <dd>{result.added}</dd>
                </div>
                <div>
                    <dt>{t.collections.known}</dt>
                    <dd>{result.known}</dd>
                </div>
                <div>
                    <dt>{t.collections.refused}</dt>
                    <dd>{result.refused}</dd>
                </div>
            </dl>
            {result.items.length > 0 && (
                <div class="scroll refused" role="region" aria-label={t.collections.why} tabIndex={0}>
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">{t.collections.file}</th>
                                <th scope="col">{t.collections.reason}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {result.items.map((one, i) => (
                                <tr key={i}>
                                    <th scope="row">{one.file}</th>
                                    <td>{one.error}</td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                    {untold > 0 && <p>{t.collections.more(untold)}</p>}
                </div>
            )}
        </>
    )
}

/** Sends the archive at once; `after` shows what can be done once it is over. */
export function Import({
    collection,
    file,
    changed,
    after,
}: {
    collection: Collection
    file: File
    changed: () => void
    after: ComponentChildren
}) {
    const [share, setShare] = useState(0)
    const [result, setResult] = useState<Imported>()
    const [error, setError] = useState<unknown>()
    const stop = useRef(new AbortController())
    useEffect(() => {
        bring(collection, file, setShare, stop.current.signal).then(
            (answer) => {
                setResult(answer)
                changed()
            },
            (why) => {
                setError((why as Error).name === 'AbortError' ? new Error(t.collections.cancelled) : why)
                changed()
            },
        )
        return () => stop.current.abort()
    }, [])
    if (result || error !== undefined)
        return (
            <>
                {result ? <Outcome result={result} /> : <Problem error={error} />}
                <div class="actions end">{after}</div>
            </>
        )
    const text = share < 1 ? t.collections.sending(percent(share)) : t.collections.reading
    return (
        <div class="job">
            <div class="job-text">
                <span>{file.name}</span>
                <span class="quiet" role="status">
                    {text}
                </span>
            </div>
            <progress max={1} value={share < 1 ? share : undefined} aria-label={text} />
            <button type="button" onClick={() => stop.current.abort()}>
                {t.common.stop}
            </button>
        </div>
    )
}

export function ImportDialog({
    collection,
    changed,
    close,
}: {
    collection: Collection
    changed: () => void
    close: () => void
}) {
    const [file, setFile] = useState<File>()
    const [begun, setBegun] = useState<File>()
    const begin = async () => {
        if (!file) throw new Error(t.collections.chooseFirst)
        setBegun(file)
    }
    const after = (
        <>
            <button type="button" onClick={() => setBegun(undefined)}>
                {t.collections.another}
            </button>
            <button type="button" class="primary" onClick={() => go(`/c/${collection.id}`)}>
                {t.collections.goTo(collection.name)}
            </button>
        </>
    )
    return (
        <Dialog title={t.collections.importTitle(collection.name)} close={close}>
            {begun ? (
                <Import collection={collection} file={begun} changed={changed} after={after} />
            ) : (
                <Form submit={begin} save={t.collections.start} cancel={close}>
                    {() => (
                        <>
                            <p>{t.collections.importText}</p>
                            <FolderExample modality={collection.modality} />
                            <ArchiveField label={t.collections.choose} choose={setFile} />
                        </>
                    )}
                </Form>
            )}
        </Dialog>
    )
}
