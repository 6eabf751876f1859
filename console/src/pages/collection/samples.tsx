// Every sample of a collection: ten thousand of them scroll like ten.
import { all } from '../../api/client'
import type { CollectionFull, Label, Sample } from '../../api/types'
import { useQuery } from '../../app/router'
import { useMay } from '../../app/session'
import { Select } from '../../parts/form'
import { Await, Empty, useLoad } from '../../parts/load'
import { SampleBoard } from '../../parts/samples'
import { t } from '../../text'
import { Orders } from '../session/order'

export function AllSamples({ c, labels, reload }: { c: CollectionFull; labels: Label[]; reload: () => void }) {
    const may = useMay('enroll')
    const [which, setWhich] = useQuery('samples', 'all')
    const samples = useLoad(
        (s) =>
            all<Sample>(
                `/v1/collections/${c.id}/samples`,
                { sort: 'newest', probe: false, labelled: which === 'all' ? undefined : which === 'named' },
                s,
            ),
        [c.id, which],
    )
    const again = () => {
        samples.reload()
        reload()
    }
    return (
        <>
            <div class="actions orders">
                <Select
                    aria-label={t.collection.sampleFilter.label}
                    value={which}
                    change={setWhich}
                    options={[
                        ['all', t.collection.sampleFilter.all],
                        ['named', t.collection.sampleFilter.named],
                        ['nobody', t.collection.sampleFilter.nobody],
                    ]}
                />
                {may && <Orders collection={c.id} changed={again} />}
            </div>
            <Await from={samples}>
                {(list) =>
                    list.length ? (
                        <SampleBoard
                            key={which}
                            collection={c}
                            samples={list}
                            labels={labels}
                            label={t.collection.samplesHint}
                            changed={(to) => samples.set(() => to)}
                            reload={again}
                        />
                    ) : (
                        <Empty {...t.session.empty[c.modality]} />
                    )
                }
            </Await>
        </>
    )
}
