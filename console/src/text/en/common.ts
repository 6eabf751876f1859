// What several pages say.
export const common = {
  undo: 'Undo',
  dismiss: 'Dismiss',
  close: 'Close',
  cancel: 'Cancel',
  save: 'Save',
  create: 'Create',
  add: 'Add',
  edit: 'Edit',
  remove: 'Delete',
  rename: 'Rename',
  retry: 'Try again',
  stop: 'Stop',
  back: 'Back',
  more: 'More',
  search: 'Search',
  download: 'Download',
  loading: 'Loading…',
  none: 'None',
  all: 'All',
  yes: 'Yes',
  no: 'No',
  name: 'Name',
  code: 'Code',
  date: 'Date',
  nobody: 'Nobody',
  noPicture: 'The picture cannot be shown. Its file may have been removed; upload it again.',
  undone: 'Taken back.',
  faces: 'Faces',
  sounds: 'Sounds',
  faceWord: 'face',
  soundWord: 'sound',
  count: (n: number, one: string, many: string) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`,
  of: (a: number, b: number) => `${a.toLocaleString('en')} of ${b.toLocaleString('en')}`,
  notFound: 'There is no such page.',
  toHome: 'Go to Home',
}

export const keys = {
  title: 'Keys',
  help: 'Show or hide this list',
  names: {
    ' ': 'space',
    Enter: '⏎',
    Escape: 'esc',
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
  unavailable: 'The server is busy or its store does not answer. Try again in a moment.',
  unauthenticated: 'You are not signed in any more. Sign in again; nothing you saved is lost.',
  forbidden: 'Your account may not do this. Ask an administrator.',
  csrf: 'This page is older than your session. Reload it.',
  request: (id: string) => `(request ${id})`,
}

export const picker = {
  make: (typed: string) => `New: ${typed}`,
}

export const jobs = {
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
