// Learning anew: what would be learned, the order, watching it, what came of it.
import type { CollectionFull, Label } from '../api/types'
import { Link, type Params } from '../app/router'
import { useMay } from '../app/session'
import { Await, Empty, useLoad } from '../parts/load'
import { useOrder } from '../parts/order'
import { t } from '../text'
import { Enroll } from './collection/labels'
import { automaticTexts } from './train/automatic'
import { TrainForm } from './train/form'
import { type Known, readKnown } from './train/known'
import { NamesContext, namesOf } from './train/names'
import { Outcome } from './train/outcome'
import { Progress } from './train/progress'
import '../style/train.css'

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
            {may && collection.modality === 'sound' && <Enroll c={collection} labels={labels} came={reload} />}
            {order.running && <Progress watched={order.watched} />}
            {over && (
                <>
                    <Outcome
                        job={job}
                        log={order.watched.log}
                        collection={collection}
                        versions={versions}
                        changed={reload}
                    />
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
    const known = useLoad((s) => readKnown(id, s), [id])
    return (
        <>
            <div class="head">
                <h1>{t.shell.train}</h1>
            </div>
            <Await from={known}>{(d) => <Body known={d} reload={known.reload} />}</Await>
        </>
    )
}
