// What can be taken out, over HTTP or by command on the server.
import type { CollectionFull, Version } from '../../api/types'
import { t } from '../../text'

const s = t.settings

/** As a shell takes it for one word. */
function quoted(text: string): string {
    return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** The forms that a head of this kind can be written in. */
const forms: Record<string, string[]> = {
    mlp: ['model.keras', 'model.onnx'],
    logistic: ['model.onnx', 'model.pkl'],
    svm: ['model.onnx', 'model.pkl'],
}

export function Export({ collection, live }: { collection: CollectionFull; live: Version | undefined }) {
    const name = quoted(collection.name)
    const lines = [
        ...(live ? (forms[live.head] ?? []) : []).map((file) => `espy export ${file} --collection ${name}`),
        `espy export vectors --format npy --collection ${name}`,
    ]
    return (
        <section class="card">
            <h2>{s.export}</h2>
            {live && (
                <>
                    <p>{s.exportText}</p>
                    <p>
                        <a
                            class="button"
                            href={`/v1/collections/${collection.id}/versions/${live.version}`}
                            download={`${collection.name}-${live.version}.json`}
                        >
                            {s.exportJson}
                        </a>
                    </p>
                </>
            )}
            <p>{s.exportCommand}</p>
            <pre tabIndex={0}>{lines.join('\n')}</pre>
            <p>{s.exportWhole}</p>
            <pre tabIndex={0}>{`espy export --to ${s.folder}`}</pre>
        </section>
    )
}
