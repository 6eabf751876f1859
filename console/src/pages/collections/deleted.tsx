// Collections that were deleted, until they are restored.
import { all, api } from '../../api/client'
import type { Collection } from '../../api/types'
import { useCollections } from '../../app/collection'
import { done, tell } from '../../app/toast'
import { useRowFocus } from '../../parts/focus'
import { useLoad } from '../../parts/load'
import { Table } from '../../parts/table'
import { When } from '../../parts/time'
import { t } from '../../text'

export function Deleted() {
    const collections = useCollections()
    const deleted = useLoad((s) => all<Collection>('/v1/deleted-collections', {}, s), [collections.data])
    const list = deleted.data ?? []
    const rowFocus = useRowFocus<HTMLElement>(list.length)
    const restore = async ({ id, name }: Collection) => {
        await api.post(`/v1/deleted-collections/${id}/restore`)
        collections.reload()
        done(t.settings.restored(name))
    }
    return (
        <section {...rowFocus}>
            {list.length > 0 && (
                <>
                    <h2>{t.collections.deleted}</h2>
                    <Table label={t.collections.deleted} columns={[t.common.name, t.collections.modality]} actions>
                        {list.map((one) => (
                            <tr key={one.id}>
                                <th scope="row">
                                    {one.name}
                                    <small class="below">
                                        {t.collections.made} <When at={one.created} />
                                    </small>
                                </th>
                                <td>
                                    <span class="badge">
                                        {one.modality === 'face' ? t.common.faces : t.common.sounds}
                                    </span>
                                </td>
                                <td class="take-back">
                                    <button
                                        type="button"
                                        class="small"
                                        aria-label={t.collections.restoreOf(one.name)}
                                        onClick={() => void tell(restore(one))}
                                    >
                                        {t.collections.restore}
                                    </button>
                                </td>
                            </tr>
                        ))}
                    </Table>
                </>
            )}
        </section>
    )
}
