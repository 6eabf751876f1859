// Learning anew: what would be learned, the order, watching it, what came of it.
import { all, api } from '../api/client'
import type { CollectionFull, Label, System, Trigger, Versions } from '../api/types'
import { Link, type Params } from '../app/router'
import { useMay } from '../app/session'
import { Await, Empty, useLoad } from '../parts/load'
import { useOrder } from '../parts/order'
import { t } from '../text'
import { automaticTexts, readSystem, readTrigger } from './train/automatic'
import { TrainForm } from './train/form'
import { NamesContext, namesOf } from './train/names'
import { Outcome } from './train/outcome'
import { Progress } from './train/progress'
import { Recordings } from './train/recordings'
import '../style/train.css'

interface Known {
  collection: CollectionFull
  labels: Label[]
  versions: Versions
  system: System | null
  trigger: Trigger
}

async function read(id: number, signal: AbortSignal): Promise<Known> {
  const [collection, labels, versions, system] = await Promise.all([
    api.get<CollectionFull>(`/v1/collections/${id}`, {}, signal),
    all<Label>(`/v1/collections/${id}/labels`, { grouped: false }, signal),
    api.get<Versions>(`/v1/collections/${id}/versions`, {}, signal),
    readSystem(signal),
  ])
  return { collection, labels, versions, system, trigger: await readTrigger(id, system, signal) }
}

const withOne = (labels: Label[]) => labels.filter((l) => l.samples === 1).length

function What({ labels, versions, system, trigger }: Known) {
  const learned = labels.filter((l) => l.samples > 0)
  const single = withOne(labels)
  return (
    <section class="card">
      <h2>{t.train.what}</h2>
      <dl class="figures">
        <div>
          <dt>{t.train.labels}</dt>
          <dd>{learned.length.toLocaleString('en')}</dd>
        </div>
        <div>
          <dt>{t.train.samples}</dt>
          <dd>{learned.reduce((sum, l) => sum + l.samples, 0).toLocaleString('en')}</dd>
        </div>
        <div>
          <dt>{t.train.single}</dt>
          <dd>{single.toLocaleString('en')}</dd>
        </div>
        <div>
          <dt>{t.train.live}</dt>
          <dd>{versions.live === null ? t.train.nothingLive : t.train.version(versions.live)}</dd>
        </div>
      </dl>
      {automaticTexts(trigger, system).map((text) => (
        <p key={text}>{text}</p>
      ))}
      {single > 0 && <p>{t.train.singles(single)}</p>}
      {learned.length === 1 && <p>{t.train.oneLabel}</p>}
    </section>
  )
}

function Nothing({ collection }: { collection: CollectionFull }) {
  const sound = collection.modality === 'sound'
  return (
    <Empty title={t.train.emptyTitle} text={sound ? t.train.emptySounds : t.train.emptyFaces}>
      {!sound && (
        <Link to={`/c/${collection.id}`} class="button primary">
          {t.train.toOverview}
        </Link>
      )}
    </Empty>
  )
}

function Body({ known, reload }: { known: Known; reload: () => void }) {
  const may = useMay('enroll')
  const { collection, labels, versions, system } = known
  const order = useOrder(collection.id, ['train', 'retrain_sounds'], 'job', reload)
  const { job } = order.watched
  const over = job && !order.running
  const empty = !labels.some((l) => l.samples > 0)
  return (
    <NamesContext.Provider value={namesOf(labels)}>
      {empty ? <Nothing collection={collection} /> : <What {...known} />}
      {!may && <p class="note">{t.train.mayNot}</p>}
      {may && collection.modality === 'sound' && (
        <Recordings collection={collection.id} labels={labels} changed={reload} />
      )}
      {order.running && <Progress watched={order.watched} />}
      {over && (
        <>
          <Outcome job={job} log={order.watched.log} collection={collection} versions={versions} changed={reload} />
          {may && (
            <div class="actions">
              <button type="button" onClick={order.forget}>
                {t.train.again}
              </button>
            </div>
          )}
        </>
      )}
      {may && !empty && !job && (
        <TrainForm
          live={versions.items.find((v) => v.version === versions.live)}
          single={withOne(labels)}
          system={system}
          start={(request) => order.start(`/v1/collections/${collection.id}/train`, request)}
        />
      )}
    </NamesContext.Provider>
  )
}

export default function Page({ params }: { params: Params }) {
  const id = Number(params.collection)
  const known = useLoad((s) => read(id, s), [id])
  return (
    <>
      <div class="head">
        <h1>{t.shell.train}</h1>
      </div>
      <Await from={known}>{(d) => <Body known={d} reload={known.reload} />}</Await>
    </>
  )
}
