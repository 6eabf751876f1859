// What several pages say.
export const common = {
    undo: 'Undo',
    actions: 'What can be done',
    dismiss: 'Dismiss',
    close: 'Close',
    cancel: 'Cancel',
    save: 'Save',
    create: 'Create',
    add: 'Add',
    edit: 'Edit',
    remove: 'Delete',
    retry: 'Try again',
    reload: 'Reload',
    stop: 'Stop',
    back: 'Back',
    more: 'More',
    search: 'Search',
    download: 'Download',
    copy: 'Copy',
    copied: 'Copied.',
    status: 'State',
    when: 'When',
    loading: 'Loading…',
    none: 'None',
    all: 'All',
    showAll: 'Show all',
    newest: 'Newest',
    older: 'Older',
    yes: 'Yes',
    name: 'Name',
    code: 'Code',
    date: 'Date',
    nobody: 'Nobody yet',
    stranger: 'Nobody known', // a person said so
    group: (n: string) => `Group ${n}`,
    noPicture: 'The picture cannot be shown. Its file may have been removed; upload it again.',
    undone: 'Taken back.',
    faces: 'Faces',
    sounds: 'Sounds',
    faceWord: 'face',
    soundWord: 'sound',
    count: (n: number, one: string, many: string) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`,
    of: (a: number, b: number) => `${a.toLocaleString('en')} of ${b.toLocaleString('en')}`,
    notFound: 'There is no such page.',
}

export const keys = {
    title: 'Keys',
    help: 'Show or hide this list',
    names: {
        ' ': 'space',
        Enter: '⏎',
        Escape: 'esc',
        Delete: 'del',
        ArrowRight: '→',
        ArrowLeft: '←',
        ArrowUp: '↑',
        ArrowDown: '↓',
        'ctrl+z': 'ctrl z',
    } as Record<string, string>,
    goHome: 'Home',
    goCollections: 'Collections',
    goReview: 'Review',
    goSessions: 'Sessions',
    goTrain: 'Train',
    undo: 'Take back what was done last',
}

export const errors = {
    offline: 'The server was not reached. Check that `espy serve` runs, then try again.',
    internal: 'The server could not do this; its log says why.',
    updated: 'This page could not be loaded. Most likely espy was updated since you opened it: reload.',
    remedy: {
        busy: 'The server has too much to do right now. Try again in a moment.',
        unavailable: 'The server is starting or stopping, or its store does not answer. Try again in a moment.',
        unauthenticated: 'You were signed out, so this was not done. Sign in, then try again.',
        forbidden: 'Your account may not do this. Ask an administrator.',
        csrf: 'This page is older than your session. Reload it.',
    } as Record<string, string>, // by the server's code
    field: (name: string, why: string) => {
        const words = name.replaceAll('_', ' ').replaceAll('.', ' › ')
        return `${words.charAt(0).toUpperCase()}${words.slice(1)}: ${why.replace(/[.;]$/, '')}.`
    },
    request: (id: string) => `(request ${id})`,
}

export const picker = {
    make: (typed: string) => `New: ${typed}`,
}

export const jobs = {
    what: 'Job',
    progress: 'Progress',
    log: 'Log',
    logOf: (id: number, kind: string) => `Log of job ${id}: ${kind}`,
    noLog: 'It said nothing.',
    asked: 'What was asked for',
    result: 'What came of it',
    whole: 'The whole server',
    stop: (kind: string) => `Stop: ${kind}`,
    showLog: (kind: string) => `Show the log: ${kind}`,
    stopping: 'stopping…',
    queued: 'waiting',
    state: {
        queued: 'waiting',
        running: 'running',
        done: 'done',
        failed: 'failed',
        cancelled: 'stopped',
    } as Record<string, string>,
    kind: {
        train: 'Training',
        retrain_sounds: 'Training',
        cluster: 'Grouping',
        assign: 'Assigning',
        embed: 'Embedding',
        expire: 'Clearing what is old',
        webhook: 'Delivery to a webhook',
    } as Record<string, string>,
}

export const decisions = {
    known: 'Known',
    unknown: 'Unknown',
    ambiguous: 'Ambiguous',
    poor_quality: 'Too poor to tell',
} as Record<string, string>
