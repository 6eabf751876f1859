// Keys and webhooks belong to accounts.
import { api } from '../../api/client'
import type { Collection, User } from '../../api/types'
import { useMe } from '../../app/session'
import { Field, Select } from '../../parts/form'
import { t } from '../../text'

/** The items of one account, or of all of them (""). */
export async function itemsOf<T extends { id: number }>(
    path: string,
    owner: string,
    signal: AbortSignal,
): Promise<T[]> {
    const { items } = await api.get<{ items: T[] }>(path, { owner: owner || 0 }, signal)
    return items.sort((a, b) => b.id - a.id)
}

export function ownerText(users: User[], id: number): string {
    return users.find((u) => u.id === id)?.name ?? `#${id}`
}

const options = (users: User[]) => users.map((u): [string, string] => [String(u.id), u.name])

/** Whose things are shown; "" is everybody's. */
export function OwnerFilter({ users, value, change }: { users: User[]; value: string; change: (to: string) => void }) {
    return (
        <Select
            aria-label={t.people.owner}
            value={value}
            change={change}
            options={[['', t.people.everybody], ...options(users)]}
        />
    )
}

/** Who a new key or webhook is of, at first: whoever is signed in, else the first administrator. */
export function useFirstOwner(users: User[]): string {
    const own = useMe().user.id
    return String(own ?? users.find((u) => u.role === 'admin')?.id ?? users[0]?.id ?? '')
}

/** Fields that keys and webhooks share: the account, and the one collection that it is about. */
export function OwnerFields({
    users,
    owner,
    setOwner,
    collections,
    collection,
    setCollection,
    every,
    wrong,
}: {
    users: User[]
    owner: string
    setOwner: (to: string) => void
    collections: Collection[]
    collection: string
    setCollection: (to: string) => void
    every: string
    wrong: (name: string) => string | undefined
}) {
    return (
        <div class="fields">
            <Field label={t.people.owner} error={wrong('owner')}>
                <Select value={owner} change={setOwner} options={options(users)} />
            </Field>
            <Field label={t.people.collection} error={wrong('collection')}>
                <Select
                    value={collection}
                    change={setCollection}
                    options={[['', every], ...collections.map((c): [string, string] => [String(c.id), c.name])]}
                />
            </Field>
        </div>
    )
}
