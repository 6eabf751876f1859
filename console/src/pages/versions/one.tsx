// One version, by itself or beside another.
import { useEffect, useRef } from 'preact/hooks'
import type { Modality, Versions } from '../../api/types'
import { Field, Select } from '../../parts/form'
import { t } from '../../text'
import { Changes } from '../train/changes'
import { Evaluation } from '../train/evaluation'

const s = t.versions

export function One({
    collection,
    modality,
    versions,
    open,
    beside,
    setBeside,
    close,
}: {
    collection: number
    modality: Modality
    versions: Versions
    open: string
    beside: string
    setBeside: (version: string) => void
    close: () => void
}) {
    const at = useRef<HTMLHeadingElement>(null)
    useEffect(() => {
        at.current?.focus({ preventScroll: true })
        at.current?.scrollIntoView({ block: 'start' })
    }, [open])
    const version = versions.items.find((v) => String(v.version) === open)
    const before = versions.items.find((v) => String(v.version) === beside)
    const others = versions.items.filter((v) => v !== version)
    return (
        <section>
            <div class="head one">
                <h2 ref={at} tabIndex={-1}>
                    {version ? s.one(version.version) : s.gone(open)}
                </h2>
                <button type="button" onClick={close}>
                    {s.close}
                </button>
            </div>
            {version && others.length > 0 && (
                <Field label={s.beside} help={s.besideHelp}>
                    <Select
                        class="beside-choice"
                        value={beside}
                        change={setBeside}
                        options={[
                            ['', s.besideNone],
                            ...others.map((v): [string, string] => [String(v.version), s.besideOne(v.version, v.head)]),
                        ]}
                    />
                </Field>
            )}
            {version && <Evaluation version={version} before={before} />}
            {version && before && (
                <Changes
                    collection={collection}
                    modality={modality}
                    version={version.version}
                    before={before.version}
                />
            )}
        </section>
    )
}
