const strangers = (n: number) => `${n.toLocaleString('en')} ${n === 1 ? 'stranger' : 'strangers'}`

export const settings = {
    title: 'Settings of the collection',
    readOnly: 'Your account may look at these settings but not change them.',

    general: 'General',
    name: 'Name',
    description: 'Description',
    owner: 'Owner',
    ownerHelp: 'The owner and administrators see the collection.',
    administrators: 'The administrators',
    saved: 'Saved.',
    facts: 'What it is made with',
    modality: 'Holds',
    encoder: 'Pack of networks',
    precision: 'Precision',
    encoderHelp: 'Fixed when the collection was made: vectors of different packs cannot be compared.',

    threshold: 'Who is known, and who is not',
    rule: (threshold: string, floor: string, version: number) =>
        `Version ${version} answers “known” when all of this holds: the probability of the best label is at least ${threshold} (the threshold), the similarity to that label’s nearest sample is at least ${floor} (the floor), and no other label comes within 0.05 in probability or 0.03 in similarity (the margins). Where only the margins fail it answers “ambiguous”, else “unknown”.`,
    ruleWas: (rule: string) => `The threshold was ${rule}.`,
    ruleFaces: 'Faces that are smaller than 32 pixels, or of which too little can be seen, are “too poor to tell”.',
    unlearned: 'Nothing answers yet. Train once, then the threshold can be chosen here.',
    toTrain: 'Go to Train',
    how: 'The threshold',
    hows: {
        target: 'By the false alarms that may happen',
        hand: 'By hand',
        find: 'Found by itself',
    } as Record<string, string>,
    target: 'Of a hundred strangers, at most this many may be named',
    targets: [
        ['0.001', '0.1 % (one in a thousand)'],
        ['0.005', '0.5 %'],
        ['0.01', '1 %'],
        ['0.02', '2 %'],
        ['0.05', '5 %'],
    ] as [string, string][],
    strangersAre:
        'Strangers are samples of labels that were left out of the training in turn: the version did not know them, as it does not know a visitor.',
    lowest: (threshold: string) => `Threshold ${threshold} keeps to this.`,
    own: (threshold: string) => `The threshold that answers now, ${threshold}, keeps to this already.`,
    seen: (named: number, n: number, low: string, high: string) =>
        `${named.toLocaleString('en')} of ${strangers(n)} ${named === 1 ? 'was' : 'were'} named: with 95 % certainty the true share is between ${low} and ${high}.`,
    tooFew: (n: number, needed: number) =>
        `${strangers(n)} cannot show so low a share: it would take about ${needed.toLocaleString('en')} of whom none is named. So nothing lower than what answers now is proposed.`,
    cost: (coverage: string, accepted: number, total: number, accuracy: string) =>
        `What it costs: ${coverage} of the held-out samples (${accepted} of ${total}) would be accepted, of these ${accuracy} are right; the others come out unknown.`,
    costAll:
        'What it costs: not one held-out sample would be accepted; everybody would come out unknown. Choose a lower threshold by hand, or add samples and train again.',
    noneReaches: (threshold: string, share: string) =>
        `No measured threshold keeps to this: at the highest, ${threshold}, ${share} of the strangers are named. Add samples of the labels that are mixed up, or of a background label, and train again.`,
    noFigures: 'How many strangers each threshold would name is not known of the version that answers.',
    noFiguresHow:
        'Train once more: with three labels, one of which has five samples or more, labels are left out in turn and their samples asked as strangers.',
    hand: 'Threshold',
    handHelp: 'From 0 to 1. Higher: fewer strangers are named, and more known ones come out unknown.',
    findText: 'Learns anew and takes the threshold that folds over the samples find, as the first training did.',
    applies:
        'A version’s threshold never changes. Applying this learns a new version with it; that answers when it passes the gate.',
    apply: (threshold: string) => `Learn with ${threshold}`,
    applyFind: 'Learn, and find it',
    applyNothing: 'Nothing to apply',
    reasonTarget: (threshold: string, target: string) => `threshold ${threshold}: at most ${target} of strangers named`,
    reasonHand: (threshold: string) => `threshold ${threshold}, by hand`,
    reasonFind: 'threshold found by itself again',
    curves: 'What each threshold would do',

    automatic: 'Automatic training',
    automaticText:
        'The server can train by itself when enough is new. That holds for all its collections and is set in its configuration file.',
    setting: 'Setting',
    value: 'Set to',
    meaning: 'What it does',
    notSet: 'not set',
    set: {
        trigger: 'After an upload: trains when so many samples are new since the last training',
        schedule: 'Looks at these times, and trains when enough is new',
        schedule_trigger: 'How many new samples are enough at those times',
        min_accuracy:
            'What a new version must reach on held-out samples to answer; else: not be worse than what answers',
    } as Record<string, string>,
    lines: 'To change it, write such lines into espy.conf in the server’s workspace, then let the server read it anew (SIGHUP, or a restart):',
    conf: ['trigger = 100', 'schedule = sun 02:00', 'schedule_trigger = 50', 'min_accuracy = 0.95'],
    notTold: 'This server does not tell what it is set to.',

    vectors: 'Vectors under another pack',
    vectorsText:
        'Computes vectors of all samples under a second pack of networks, beside the collection’s own. For programs that read vectors, and for a later move to that pack; what answers does not change.',
    pack: 'Pack',
    values: (n: number) => `${n} values`,
    barred: (n: number) => `${n} more ${n === 1 ? 'pack is' : 'packs are'} known but cannot be used now`,
    noPack: 'No other pack for this kind of collection is installed; `espy models list` on the server shows what there is.',
    compute: 'Compute the vectors',
    computing: 'Computing vectors',
    computed: (n: number, pack: string) => `${n.toLocaleString('en')} samples got vectors under ${pack}.`,
    computedErrors: (n: number) => `${n.toLocaleString('en')} could not be computed; the log of the job says why.`,
    computeFailed: 'The vectors could not be computed.',

    export: 'Export',
    exportText: 'What the version that answers knows of itself: labels, threshold, figures, gate.',
    exportJson: 'Download as JSON',
    exportCommand: 'The trained head leaves the server by command there, for Keras, ONNX, scikit-learn or numpy:',
    exportWhole: 'The whole workspace, to another folder or database:',
    folder: 'FOLDER',

    aside: 'Set aside',
    asideText: 'It is kept as it is, and marked as out of use.',
    back: 'Take into use again',
    isAside: 'This collection is set aside.',
    wasSetAside: 'Set aside.',
    wasTakenBack: 'In use again.',
    remove: 'Delete',
    removeText: 'It goes out of sight with everything in it. It can be restored below the collections.',
    removeAsk: (name: string) => `Delete “${name}”?`,
    removeAskText: (labels: number, samples: number) =>
        `${labels.toLocaleString('en')} labels and ${samples.toLocaleString('en')} samples go out of sight, and nothing answers for this collection any more.`,
    removed: (name: string) => `“${name}” was deleted.`,
    restored: (name: string) => `“${name}” is back.`,
    danger: 'Out of use',
}
