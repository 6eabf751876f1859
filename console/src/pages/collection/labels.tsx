// The labels of a collection, and examples for one of them.
import { useState } from 'preact/hooks'
import type { CollectionFull, Label } from '../../api/types'
import { Link, useQuery } from '../../app/router'
import { useMay } from '../../app/session'
import { Drop } from '../../parts/drop'
import { labelText } from '../../parts/face'
import { Select } from '../../parts/form'
import { Empty } from '../../parts/load'
import { LabelPicker, labelsLike, type Picked } from '../../parts/picker'
import { t } from '../../text'

/** First who it is, then the files. */
export function Enroll({
  c,
  labels,
  whose,
  came,
}: {
  c: CollectionFull
  labels: Label[]
  whose?: Picked
  came: () => void
}) {
  const [chosen, choose] = useState<Picked | undefined>(whose)
  const name = labels.find((l) => l.code === chosen?.code)?.name ?? chosen?.name ?? chosen?.code
  return (
    <section class="card">
      <h2>{t.collection.enroll}</h2>
      <p class="quiet">{t.collection.enrollText[c.modality]}</p>
      {!whose && (
        <div class="group-tools">
          <LabelPicker labels={labels} label={t.collection.enrollWho[c.modality]} pick={choose} />
        </div>
      )}
      {chosen && (
        <>
          {!whose && <p>{t.collection.enrollFor(name!)}</p>}
          <Drop
            key={chosen.code}
            modality={c.modality}
            path={`/v1/collections/${c.id}/media`}
            fields={{ label: chosen.code, faces: 'largest', ...(chosen.name ? { name: chosen.name } : {}) }}
            came={came}
          />
        </>
      )}
    </section>
  )
}

export function LabelState({ label }: { label: Label }) {
  const l = t.collection
  return (
    <span class={'badge' + (label.grouped ? ' doubtful' : label.learned ? ' known' : '')}>
      {label.grouped ? l.grouped : label.learned ? l.learned : l.notLearned}
    </span>
  )
}

export function Labels({ c, labels, reload }: { c: CollectionFull; labels: Label[]; reload: () => void }) {
  const may = useMay('enroll')
  const [search, setSearch] = useQuery('search')
  const [which, setWhich] = useQuery('which', 'all')
  const k = t.collection.label
  const kind = which === 'groups' ? labels.filter((l) => l.grouped) : which === 'named' ? labels.filter((l) => !l.grouped) : labels
  const shown = labelsLike(kind, search)
  return (
    <>
      {labels.length > 0 ? (
        <div class="actions orders">
          <input
            type="search"
            aria-label={t.collection.searchLabels}
            placeholder={t.collection.searchLabels}
            value={search}
            onInput={(e) => setSearch(e.currentTarget.value)}
          />
          <Select
            aria-label={t.collection.onlyGroups}
            value={which}
            change={setWhich}
            options={Object.entries(t.collection.groupsShown)}
          />
        </div>
      ) : (
        <Empty {...t.collection.noLabels} />
      )}
      {labels.length > 0 && !shown.length && <Empty {...t.collection.noFit} />}
      {shown.length > 0 && (
        <div class="scroll labels">
          <table>
            <thead>
              <tr>
                <th scope="col">{k.name}</th>
                <th scope="col">{k.code}</th>
                <th scope="col" class="number">
                  {k.samples}
                </th>
                <th scope="col" class="number">
                  {k.sessions}
                </th>
                <th scope="col">{k.state}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((l) => (
                <tr key={l.id}>
                  <th scope="row">
                    <Link to={`/c/${c.id}/l/${l.id}`}>{labelText(l.code, l.name)}</Link>
                  </th>
                  <td>{l.code}</td>
                  <td class="number">{l.samples}</td>
                  <td class="number">{l.sessions}</td>
                  <td>
                    <LabelState label={l} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {may && <Enroll c={c} labels={labels} came={reload} />}
    </>
  )
}
