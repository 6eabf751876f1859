// All collections: search, make one, bring an archive in, restore a deleted one.
import { useState } from 'preact/hooks'
import type { Collection } from '../api/types'
import { useCollections } from '../app/collection'
import { useKeys } from '../app/keys'
import { Link, useQuery } from '../app/router'
import { useMay } from '../app/session'
import { Select, TextInput } from '../parts/form'
import { Await, Empty } from '../parts/load'
import { When } from '../parts/time'
import '../style/collections.css'
import { t } from '../text'
import { CreateDialog } from './collections/create'
import { Deleted } from './collections/deleted'
import { ImportDialog } from './collections/import'

function Card({ collection, bringIn }: { collection: Collection; bringIn: () => void }) {
    const enroll = useMay('enroll')
    return (
        <li class="card collection">
            <h2>
                <Link to={`/c/${collection.id}`}>{collection.name}</Link>
            </h2>
            <p>
                <span class="badge">{collection.modality === 'face' ? t.common.faces : t.common.sounds}</span>{' '}
                {!collection.active && <span class="badge doubtful">{t.collections.setAside}</span>}
            </p>
            {collection.description && <p class="describes">{collection.description}</p>}
            <small>
                {t.collections.pack(collection.encoder)} · {t.collections.made} <When at={collection.created} />
            </small>
            {enroll && (
                <div class="actions">
                    <button
                        type="button"
                        class="small"
                        aria-label={t.collections.importTo(collection.name)}
                        onClick={bringIn}
                    >
                        {t.collections.import}
                    </button>
                    <Link
                        class="button small"
                        to={`/c/${collection.id}/settings`}
                        aria-label={t.collections.settingsOf(collection.name)}
                    >
                        {t.shell.settings}
                    </Link>
                </div>
            )}
        </li>
    )
}

function fits(collection: Collection, search: string, modality: string): boolean {
    const text = `${collection.name} ${collection.description ?? ''}`.toLocaleLowerCase()
    return (!modality || collection.modality === modality) && text.includes(search.trim().toLocaleLowerCase())
}

function List({ all, make, bringIn }: { all: Collection[]; make: () => void; bringIn: (to: Collection) => void }) {
    const enroll = useMay('enroll')
    const [search, setSearch] = useQuery('q')
    const [modality, setModality] = useQuery('modality')
    if (all.length === 0)
        return (
            <Empty title={t.collections.emptyTitle} text={enroll ? t.collections.emptyText : t.collections.askAdmin}>
                {enroll && (
                    <button type="button" class="primary" onClick={make}>
                        {t.collections.new}
                    </button>
                )}
            </Empty>
        )
    const shown = all.filter((c) => fits(c, search, modality))
    return (
        <>
            <div class="actions filters">
                <TextInput
                    type="search"
                    value={search}
                    change={setSearch}
                    aria-label={t.collections.search}
                    placeholder={t.collections.search}
                />
                <Select
                    aria-label={t.collections.modality}
                    value={modality}
                    change={setModality}
                    options={[
                        ['', t.collections.both],
                        ['face', t.common.faces],
                        ['sound', t.common.sounds],
                    ]}
                />
                <span class="quiet" role="status">
                    {t.common.of(shown.length, all.length)}
                </span>
            </div>
            {shown.length === 0 && (
                <Empty title={t.collections.nothingFits} text={t.collections.nothingFitsText}>
                    <button
                        type="button"
                        onClick={() => {
                            setSearch('')
                            setModality('')
                        }}
                    >
                        {t.common.showAll}
                    </button>
                </Empty>
            )}
            <ul class="cards plain-list">
                {shown.map((c) => (
                    <Card key={c.id} collection={c} bringIn={() => bringIn(c)} />
                ))}
            </ul>
        </>
    )
}

export default function Collections() {
    const enroll = useMay('enroll')
    const collections = useCollections()
    const [making, setMaking] = useQuery('new')
    const [into, setInto] = useState<Collection | null>(null)
    const make = () => setMaking('1')
    useKeys(enroll ? [{ key: 'n', does: t.collections.new, run: make }] : [])
    return (
        <>
            <div class="head">
                <h1>{t.shell.collections}</h1>
                {enroll && (
                    <button type="button" class="primary" onClick={make}>
                        {t.collections.new}
                    </button>
                )}
            </div>
            <Await from={collections}>{(all) => <List all={all} make={make} bringIn={setInto} />}</Await>
            {enroll && <Deleted />}
            {enroll && making && <CreateDialog changed={collections.reload} close={() => setMaking('')} />}
            {into && <ImportDialog collection={into} changed={collections.reload} close={() => setInto(null)} />}
        </>
    )
}
