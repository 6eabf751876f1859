// What /v1 sends and takes (the running server's /openapi.json says more about each).

export type Modality = 'face' | 'sound'
export type Role = 'admin' | 'instructor' | 'student'
export type Scope = 'read' | 'identify' | 'enroll' | 'admin'
export type Decision = 'known' | 'unknown' | 'ambiguous' | 'poor_quality'

export interface Page<T> {
    items: T[]
    next_cursor: string | null
    total?: number
}

export interface User {
    id: number | null
    name: string
    full_name: string | null
    email: string | null
    role: Role
    enabled: boolean
    detail: Record<string, unknown> | null
    created: string | null
}

export interface Me {
    user: User
    may: Scope[]
    csrf: string | null
}

export interface Collection {
    id: number
    name: string
    modality: Modality
    encoder: string
    encoder_digest: string
    precision: string
    description: string | null
    owner: number | null
    active: boolean
    created: string | null
}

export interface CollectionFull extends Collection {
    counts: { labels: number; media: number; samples: number; labelled: number; versions: number }
    live: number | null
    previous: number | null
}

export interface Label {
    id: number
    collection: number
    code: string
    name: string
    samples: number
    sessions: number
    grouped: boolean // a group that nobody has named
    learned: boolean // the live version knows it
    email: string | null
    detail: Record<string, unknown> | null
    account: number | null
    created: string | null
}

export interface Session {
    id: number
    collection: number
    name: string
    date: string | null
    start_time: string | null
    end_time: string | null
    notes: string
    detail: Record<string, unknown> | null
    state: 'open' | 'closed'
    owner: number | null
    media: number
    samples: number
    labelled: number
    created: string | null
    ended: string | null
}

export interface Media {
    id: number
    collection: number
    session: number | null
    digest: string
    bytes: number
    source: string | null
    probe: boolean
    width: number // of a recording: milliseconds
    height: number
    samples: number
    labelled: number
    error: string | null
    created: string | null
    scanned: string | null
}

export interface Sample {
    id: number
    collection: number
    media: number
    session: number | null
    box: [number, number, number, number] // x, y, width, height in pixels; of a sound: start, 0, length, 0
    score: number
    sharpness: number
    label: number | null
    code: string | null
    name: string | null
    labelled_by: 'user' | 'folder' | 'job' | null
    grouped: boolean
    confidence: number | null
    created: string | null
}

export interface Candidate {
    label: string
    name: string | null
    similarity: number | null
    probability: number | null
}

export interface Answer {
    box?: [number, number, number, number]
    start?: number
    end?: number
    score: number
    decision: Decision
    label: string | null
    name: string | null
    similarity: number | null
    probability: number | null
    candidates: Candidate[]
}

export interface Identified {
    media: string
    decision: 'faces' | 'no_face' | 'sounds' | 'error'
    error: string | null
    samples: Answer[]
}

export interface Neighbour {
    sample: number
    label: number
    code: string
    name: string
    similarity: number
}

type UploadStatus = 'added' | 'known' | 'relabelled' | 'unreadable' | 'too_large' | 'no_sample' | 'several_samples'

export interface Uploaded {
    items: {
        file: string
        status: UploadStatus
        error: string | null
        media: number | null
        elsewhere: boolean
        samples: { id: number; box: [number, number, number, number]; score: number }[]
    }[]
    added: number
    refused: number
    label: number | null
}

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled'

export interface Job {
    id: number
    collection: number | null
    kind: string
    state: JobState
    progress: number
    stopping: boolean
    attempt: number
    request: Record<string, unknown> | null
    result: Record<string, unknown> | null
    error: string | null
    created: string | null
    started: string | null
    finished: string | null
}

export interface Epoch {
    epoch: number
    epochs: number
    loss: number
    accuracy: number
    val_loss: number | null
    val_accuracy: number | null
}

export interface GateCheck {
    name: string
    passed: boolean
    warning?: boolean
    value: number | null
    limit: number | null
    note?: string
}

export interface ClassFigures {
    label: string
    precision: number
    recall: number
    f1: number
    support: number
}

export interface ThresholdRow {
    threshold: number
    accuracy: number
    coverage: number
    accepted: number
    total: number
    strangers?: number // samples of labels that were left out
    named?: number // of them taken for somebody known
}

export interface VersionDetail {
    version: number
    head: string
    created: string
    collection: string
    encoder: string
    classes: string[]
    threshold: number
    threshold_rule: string
    floor: number
    metrics: { accuracy?: number; macro_f1?: number; held_out?: number }
    samples: number
    lineage: number
    sample_counts: Record<string, number>
    epochs?: number
    best_epoch?: number
    history?: {
        loss: number[]
        accuracy: number[]
        val_loss: (number | null)[]
        val_accuracy: (number | null)[]
    }
    evaluation?: {
        per_class: ClassFigures[]
        confusion: [number, number, number][] // label, answer, count; only what is not 0
        thresholds: ThresholdRow[]
    }
    reason: string
    seed: number
    software_version: string
    gate?: { passed: boolean; forced?: boolean; checks: GateCheck[] }
}

export interface Version {
    version: number
    head: string
    digest: string
    created: string | null
    detail: VersionDetail
}

export interface Versions {
    items: Version[]
    live: number | null
    previous: number | null
}

export interface Trigger {
    retrain: boolean
    new_samples: number
    min_new_samples: number
}

export interface Event {
    id: number
    collection: number | null
    time: string
    actor: string
    action: string
    label: number | null
    sample: number | null
    version: number | null
    undoable: boolean // now
    undone: boolean
    detail: Record<string, unknown> | null
}

/** What an undo did: how many samples and media came back, and how many stay as they have become since. */
export interface Undone {
    event: number
    action: string
    samples: number
    media: number
    kept: number
}

export interface PresenceCell {
    label: number
    session: number
    samples: number
    said: boolean | null // what a person said; null: nobody did
    present: boolean
}

export interface Attendance {
    id: number
    session: number
    session_name: string
    label: number
    code: string
    name: string
    day: string
    present: boolean
    manual: boolean
    sample: number | null
    confidence: number | null
    note: string | null
    time: string | null
}

export interface Key {
    id: number
    owner: number
    name: string
    scopes: Scope[]
    collection: number | null
    created: string | null
    used: string | null
    expires: string | null
}

export interface Webhook {
    id: number
    owner: number
    url: string
    events: string[]
    collection: number | null
    enabled: boolean
    created: string | null
}

/** What an answer was, and what it is under another version. */
export interface VersionAnswer {
    decision: Decision
    label: string | null
    name: string | null
    probability: number | null
    similarity: number | null
}

export interface VersionChanges {
    version: number
    with: number
    asked: number
    changed: number
    items: {
        sample: number
        media: number
        code: string | null // what a person said
        before: VersionAnswer
        after: VersionAnswer
    }[]
    right_before: number
    right_after: number
    labelled: number
}

export interface Pack {
    name: string
    summary: string | null
    modality: Modality
    dimension: number
    licence: string | null
    commercial: boolean
    usable: boolean
    why: string | null // why it is not usable, and what to do
    networks: number // files
}

/** What the server is and runs with (GET /v1/system). */
export interface System {
    version: string
    started: string
    store: 'sqlite' | 'postgresql'
    workers: number
    memory_bytes: number
    cpu: 'avx512' | 'avx2' | 'plain'
    trust_loopback: boolean
    listen: string
    trigger: number | null // new samples after which a training begins by itself
    schedule: string | null
    schedule_trigger: number | null
    min_accuracy: number | null
    limits: {
        body: number
        file: number
        pixels: number
        side: number
        ids: number
        streams: number
        request_seconds: number
        long_seconds: number
    }
    packs: Pack[]
}

export interface Imported {
    added: number
    known: number
    refused: number
    items: { file: string; error: string }[] // the first of those that were refused
}

export interface ReviewItem {
    sample: Sample
    decision: Decision
    reason: 'ambiguous' | 'border' | 'confirm' | 'unknown' | 'poor_quality'
    margin: number | null
    candidates: (Candidate & { id: number; reference: number | null })[]
}

export interface ReviewQueue {
    items: ReviewItem[]
    total: number // all that wait
    threshold: number | null
    floor: number | null
    version: number | null
}
