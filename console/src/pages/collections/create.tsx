// A new collection: what it is called, what it is about, what encodes it, and its first examples.
import { useState } from 'preact/hooks'
import { api } from '../../api/client'
import type { Collection, Modality, Pack, System } from '../../api/types'
import { go } from '../../app/router'
import { done } from '../../app/toast'
import { Dialog } from '../../parts/dialog'
import { Field, Form, Select, TextInput } from '../../parts/form'
import { useLoad } from '../../parts/load'
import { t } from '../../text'
import { ArchiveField, FolderExample, Import } from './import'

function packText(pack: Pack): string {
    const use = pack.commercial ? t.collections.commercial : t.collections.notCommercial
    return `${t.collections.packText(pack.dimension, pack.licence ?? '–')} ${use}`
}

export function CreateDialog({ changed, close }: { changed: () => void; close: () => void }) {
    const system = useLoad((s) => api.get<System>('/v1/system', {}, s), [])
    const [name, setName] = useState('')
    const [modality, setModality] = useState<Modality>('face')
    const [encoder, setEncoder] = useState('')
    const [description, setDescription] = useState('')
    const [archive, setArchive] = useState<File>()
    const [made, setMade] = useState<Collection>()
    const packs = (system.data?.packs ?? []).filter((p) => p.modality === modality && p.usable)
    const pack = packs.find((p) => p.name === encoder)

    const submit = async () => {
        const wanted = { name: name.trim(), modality, description, ...(encoder ? { encoder } : {}) }
        const collection = await api.post<Collection>('/v1/collections', wanted)
        changed()
        if (archive) return setMade(collection)
        go(`/c/${collection.id}`)
        done(t.collections.made2(collection.name))
    }

    if (made)
        return (
            <Dialog title={t.collections.importTitle(made.name)} close={close}>
                <Import
                    collection={made}
                    file={archive!}
                    changed={changed}
                    after={
                        <button type="button" class="primary" onClick={() => go(`/c/${made.id}`)}>
                            {t.collections.goTo(made.name)}
                        </button>
                    }
                />
            </Dialog>
        )
    return (
        <Dialog title={t.collections.new} close={close}>
            <Form submit={submit} save={t.collections.makeIt} cancel={close}>
                {(wrong) => (
                    <>
                        <Field label={t.common.name} error={wrong('name')}>
                            <TextInput
                                value={name}
                                change={setName}
                                placeholder={t.collections.namePlaceholder}
                                autoFocus
                                required
                            />
                        </Field>
                        <Field label={t.collections.modality} error={wrong('modality')}>
                            <Select
                                value={modality}
                                change={(to) => {
                                    setModality(to as Modality)
                                    setEncoder('')
                                }}
                                options={[
                                    ['face', t.collections.modalityFace],
                                    ['sound', t.collections.modalitySound],
                                ]}
                            />
                        </Field>
                        <Field
                            label={t.collections.encoder}
                            help={pack ? packText(pack) : t.collections.encoderHelp}
                            error={wrong('encoder')}
                        >
                            <Select
                                value={encoder}
                                change={setEncoder}
                                options={[
                                    ['', t.collections.best],
                                    ...packs.map((p): [string, string] => [p.name, p.name]),
                                ]}
                            />
                        </Field>
                        <Field
                            label={t.collections.description}
                            help={t.collections.descriptionHelp}
                            error={wrong('description')}
                        >
                            <TextInput value={description} change={setDescription} />
                        </Field>
                        <ArchiveField
                            label={t.collections.archive}
                            help={t.collections.archiveHelp}
                            choose={setArchive}
                        />
                        <FolderExample modality={modality} />
                    </>
                )}
            </Form>
        </Dialog>
    )
}
