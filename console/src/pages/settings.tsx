// The settings of a collection.
import { useCollections } from '../app/collection'
import type { Params } from '../app/router'
import { useMay } from '../app/session'
import { Await, useLoad } from '../parts/load'
import { t } from '../text'
import { type Known, readKnown } from './train/known'
import { Away } from './settings/away'
import { Export } from './settings/export'
import { General } from './settings/general'
import { Automatic, Vectors } from './settings/server'
import { Threshold } from './settings/threshold'
import '../style/train.css'
import '../style/settings.css'

function Body({ known, reload }: { known: Known; reload: () => void }) {
    const may = useMay('enroll')
    const collections = useCollections()
    const { collection, labels, versions, system, trigger } = known
    const changed = () => {
        reload()
        collections.reload() // its name stands in the navigation, too
    }
    return (
        <div class="settings">
            {!may && <p class="note">{t.settings.readOnly}</p>}
            <General collection={collection} changed={changed} />
            <Threshold collection={collection} labels={labels} versions={versions} changed={reload} />
            <Automatic system={system} trigger={trigger} />
            {collection.modality === 'face' && <Vectors collection={collection} system={system} />}
            <Export collection={collection} live={versions.items.find((v) => v.version === versions.live)} />
            {may && <Away collection={collection} changed={changed} />}
        </div>
    )
}

export default function Page({ params }: { params: Params }) {
    const id = Number(params.collection)
    const known = useLoad((s) => readKnown(id, s), [id])
    return (
        <>
            <div class="head">
                <h1>{t.settings.title}</h1>
            </div>
            <Await from={known}>{(d) => <Body known={d} reload={known.reload} />}</Await>
        </>
    )
}
