// From one page of a list, newest first, to the next.
import { t } from '../text'

/** `before`: the cursor that is shown, "" for the newest; `next`: that of what is older. */
export function Pages({ before, next, turn }: { before: string; next: string | null; turn: (to: string) => void }) {
    return (
        <div class="actions end pages">
            <button type="button" disabled={!before} onClick={() => turn('')}>
                {t.common.newest}
            </button>
            <button type="button" disabled={!next} onClick={() => turn(next ?? '')}>
                {t.common.older}
            </button>
        </div>
    )
}
