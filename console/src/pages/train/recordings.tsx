// Recordings of one label, brought in where they will be learned from.
import { useRef, useState } from 'preact/hooks'
import { upload } from '../../api/client'
import type { Label, Uploaded, UploadStatus } from '../../api/types'
import { labelText, percent } from '../../parts/face'
import { explain } from '../../parts/load'
import { LabelPicker, type Picked } from '../../parts/picker'
import { t } from '../../text'

const s = t.train

interface Row {
  file: File
  share: number // of it that has gone out
  state: 'waiting' | 'going' | 'stopped' | UploadStatus | { error: string }
}

const came = (row: Row) => row.state === 'added' || row.state === 'known' || row.state === 'relabelled'

function stateText(row: Row): string {
  if (typeof row.state === 'object') return row.state.error
  if (row.state === 'waiting') return s.waiting
  if (row.state === 'stopped') return s.stopped
  if (row.state === 'going') return row.share < 1 ? s.sending(percent(row.share)) : s.listening
  return s.statuses[row.state] ?? row.state
}

async function sendOne(collection: number, file: File, label: Picked, progress: (share: number) => void, signal: AbortSignal): Promise<Row['state']> {
  const form = new FormData()
  form.set('label', label.code)
  if (label.name) form.set('name', label.name)
  form.set('file', file)
  try {
    const told = await upload<Uploaded>(`/v1/collections/${collection}/media`, form, progress, signal)
    return told.items[0]?.status ?? 'added'
  } catch (e) {
    return (e as Error).name === 'AbortError' ? 'stopped' : { error: explain(e) }
  }
}

function Files({ rows }: { rows: Row[] }) {
  return (
    <div class="scroll" role="region" aria-label={s.uploads} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{s.file}</th>
            <th scope="col">{s.state}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((r, i) => (
            <tr key={i}>
              <th scope="row">{r.file.name}</th>
              <td>
                {r.state === 'going' && <progress max={1} value={r.share} aria-label={r.file.name} />}
                <span class={typeof r.state === 'object' ? 'error' : ''}>{stateText(r)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

export function Recordings({ collection, labels, changed }: { collection: number; labels: Label[]; changed: () => void }) {
  const [rows, setRows] = useState<Row[]>([])
  const [label, setLabel] = useState<Picked | null>(null)
  const [busy, setBusy] = useState(false)
  const stop = useRef(new AbortController())
  const change = (at: number, to: Partial<Row>) => setRows((all) => all.map((r, i) => (i === at ? { ...r, ...to } : r)))
  const send = async (to: Picked) => {
    setBusy(true)
    stop.current = new AbortController()
    for (const [i, row] of rows.entries()) {
      if (came(row)) continue
      change(i, { state: 'going', share: 0 })
      change(i, { state: await sendOne(collection, row.file, to, (share) => change(i, { share }), stop.current.signal) })
      if (stop.current.signal.aborted) break
    }
    setBusy(false)
    changed()
  }
  const good = rows.filter(came).length
  return (
    <section class="card recordings">
      <h2>{s.recordings}</h2>
      <p>{s.recordingsText}</p>
      <div class="fields">
        <div class="field">
          <label for="recordings">{s.files}</label>
          <input
            id="recordings"
            type="file"
            multiple
            accept="audio/*,.wav,.mp3,.ogg,.flac"
            disabled={busy}
            onChange={(e) => setRows([...(e.currentTarget.files ?? [])].map((file) => ({ file, share: 0, state: 'waiting' })))}
          />
        </div>
        {label ? (
          <div class="field">
            <span>{s.labelIs(labelText(label.code, label.name ?? labels.find((l) => l.code === label.code)?.name ?? null))}</span>
            <button type="button" disabled={busy} onClick={() => setLabel(null)}>
              {s.otherLabel}
            </button>
          </div>
        ) : (
          <div class="field">
            <span class="field-name">{s.label}</span>
            <LabelPicker labels={labels} label={s.label} pick={setLabel} />
          </div>
        )}
      </div>
      <div class="actions">
        {busy ? (
          <button type="button" onClick={() => stop.current.abort()}>
            {s.stop}
          </button>
        ) : (
          <button type="button" class="primary" disabled={!label || good === rows.length} onClick={() => label && void send(label)}>
            {s.upload}
          </button>
        )}
        <span role="status">{good > 0 && s.uploaded(good, rows.length)}</span>
      </div>
      {rows.length > 0 && <Files rows={rows} />}
    </section>
  )
}
