// Out of use: set aside, or deleted; both can be taken back.
import { api } from '../../api/client'
import type { CollectionFull } from '../../api/types'
import { useCollections } from '../../app/collection'
import { go } from '../../app/router'
import { done, tell } from '../../app/toast'
import { ask } from '../../parts/dialog'
import { t } from '../../text'

const s = t.settings

export function Away({ collection, changed }: { collection: CollectionFull; changed: () => void }) {
    const { id, name, active, counts } = collection
    const { reload } = useCollections()
    const setActive = async (to: boolean) => {
        await api.patch(`/v1/collections/${id}`, { active: to })
        changed()
    }
    const turn = async () => {
        await setActive(!active)
        done(active ? s.wasSetAside : s.wasTakenBack, () => setActive(active))
    }
    const restore = async () => {
        await api.post(`/v1/deleted-collections/${id}/restore`)
        reload()
        done(s.restored(name))
    }
    const remove = async () => {
        const yes = await ask({
            title: s.removeAsk(name),
            text: s.removeAskText(counts.labels, counts.samples),
            yes: s.remove,
            danger: true,
        })
        if (!yes) return
        await api.del(`/v1/collections/${id}`)
        go('/collections')
        reload()
        done(s.removed(name), restore)
    }
    return (
        <section class="card">
            <h2>{s.danger}</h2>
            <div class="away">
                <p>{active ? s.asideText : s.isAside}</p>
                <button type="button" onClick={() => void tell(turn())}>
                    {active ? s.aside : s.back}
                </button>
                <p>{s.removeText}</p>
                <button type="button" class="danger" onClick={() => void tell(remove())}>
                    {s.remove}
                </button>
            </div>
        </section>
    )
}
