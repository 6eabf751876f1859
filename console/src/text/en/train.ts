const times = (n: number, one: string, many: string) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`

/** Of a version: what was measured, and what follows. Train and Versions both show it. */
export const evaluation = {
    figure: 'Figure',
    version: (n: number) => `Version ${n}`,
    difference: 'Difference',
    figures: 'Figures',
    rows: {
        head: 'Kind of head',
        accuracy: 'Accuracy on held-out samples',
        macroF1: 'Macro F1 (mean over labels)',
        heldOut: 'Held-out samples',
        labels: 'Labels',
        samples: 'Samples learned from',
        epochs: 'Epochs (best)',
        threshold: 'Threshold (probability)',
        rule: 'Threshold was',
        floor: 'Floor (similarity)',
        seed: 'Seed',
        reason: 'Reason',
        created: 'Learned',
    },
    rules: {
        folds: 'found by folds',
        recommended: 'recommended from the table',
        percentile: 'found by percentile',
        literal: 'literal percentile',
        fixed: 'chosen by a person',
    } as Record<string, string>,
    epochs: (n: number, best: number | undefined) => (best ? `${n} (${best})` : `${n}`),
    notMeasured: 'not measured',

    gate: 'Quality gate',
    gatePassed: 'Passed: it was good enough to answer by itself.',
    gateForced: 'Not passed, but the training was told to let it answer whatever the gate says.',
    gateRefused: 'Not passed: it is kept, and does not answer unless you let it.',
    gateNone: 'The gate was not asked about this version.',
    check: 'Check',
    outcome: 'Outcome',
    found: 'What was found',
    outcomes: { passed: '✓ passed', warning: '! remark', refused: '✗ refused' },
    checks: {
        min_accuracy: 'The accuracy that was asked for',
        live: 'Not worse than the version that answered',
        left_out: 'Strangers are not named',
        silence: 'Silence is not taken for a sound',
        hiss: 'Faint hiss is not taken for a sound',
        noise: 'Loud noise is not taken for a sound',
    } as Record<string, string>,
    told: {
        min_accuracy: (value: string, limit: string) =>
            `${value} of the held-out samples are right; ${limit} was asked for.`,
        live: (value: string, limit: string) => `${value} right; it has to reach ${limit}.`,
        left_out: (value: string, limit: string) =>
            `${value} of the samples of labels that were left out were named as somebody known; ${limit} at most may be.`,
        canary: (value: string, limit: string) =>
            `Its best guess has a probability of ${value}; the threshold is ${limit}.`,
        canaryPassed: 'It does not answer “known”: similarity or loudness keep it out where the probability does not.',
    },

    thresholds: 'What each threshold would do',
    thresholdsText:
        'Above the threshold an answer is believed. A higher one is right more often but leaves more samples unknown. The floor and the margins are asked besides.',
    thresholdsMark: (v: string) => `now ${v}`,
    thresholdsBelow: (v: string) => `This version’s threshold, ${v}, lies below what is shown.`,
    thresholdsAbove: (v: string) => `This version’s threshold, ${v}, lies above what is shown.`,
    threshold: 'Threshold',
    accuracyLine: 'Right among the accepted',
    coverageLine: 'Accepted',
    falseLine: 'Strangers named',
    share: 'Share',
    accepted: (a: number, b: number) => `${a} of ${b}`,
    asTable: 'Show as a table',
    noStrangers:
        'How many strangers would be named was not measured: that takes three labels, one of them with five samples.',

    confusion: 'Who is taken for whom',
    confusionText: 'Rows: who it is. Columns: the answer. Only held-out samples, without threshold.',
    confusionCorner: 'Is ↓ · answer →',
    confusionNone: 'No held-out sample was taken for another label.',
    confusionMany: (n: number) =>
        `With ${n} labels a table would be unreadable; these are the pairs that were mixed up most.`,
    confusedPairs: 'Mixed up most',
    is: 'Is',
    answer: 'Was taken for',
    times: 'Times',

    classes: 'Figures of each label',
    classesText:
        'Precision: of those that got this label, how many are it. Recall: of its samples, how many were found. Support: its held-out samples.',
    label: 'Label',
    precision: 'Precision',
    recall: 'Recall',
    f1: 'F1',
    support: 'Support',

    curves: 'How it learned',
    curvesNow: 'How it learns',
    epoch: 'Epoch',
    loss: 'Loss',
    accuracy: 'Accuracy',
    lossTraining: 'Loss, training',
    lossHeld: 'Loss, held back',
    accuracyTraining: 'Accuracy, training',
    accuracyHeld: 'Accuracy, held back',
    best: (n: number) => `best: ${n}`,
    curvesSummary: (n: number, most: number, loss: string, accuracy: string) =>
        `Epoch ${n} of at most ${most}: loss ${loss}, accuracy ${accuracy}.`,
    missing:
        'What was measured is not kept with this version: it was made before espy kept it, or nothing could be held out.',
    missingHow: 'Train again; each label needs at least two samples, better five, so that some can be held out.',
}

export const changes = {
    title: 'Which answers change',
    look: 'Compare the answers',
    lookText: (a: number, b: number) =>
        `Asks versions ${a} and ${b} about the samples of this collection and shows where they differ.`,
    none: (asked: number) => `Both give the same answer to all of ${times(asked, 'sample', 'samples')}.`,
    some: (changed: number, asked: number) =>
        `${changed.toLocaleString('en')} of ${asked.toLocaleString('en')} answers change.`,
    right: (before: number, after: number, labelled: number) =>
        `Of ${times(labelled, 'sample', 'samples')} whose label a person said, ${before} were right before and ${after} are now.`,
    learned: 'A version has learned from most of these samples, so this says less than the held-out figures.',
    sample: 'Sample',
    before: (n: number) => `Version ${n}`,
    after: (n: number) => `Version ${n}`,
    said: 'A person said',
    nothing: 'nothing',
    better: 'right now',
    worse: 'wrong now',
    answer: (name: string, probability: string) => `${name} ${probability}`,
    candidate: (decision: string, name: string, probability: string) => `${decision} (perhaps ${name} ${probability})`,
    picture: (n: number) => `Face ${n}`,
    recording: (n: number) => `Recording ${n}`,
    play: 'Listen',
    more: 'Show more',
}

export const answering = {
    promote: 'Let it answer',
    rollBack: 'Roll back',
    title: (n: number) => `Let version ${n} answer?`,
    text: (n: number, live: number | null) =>
        live === null
            ? `Version ${n} is read and checked first, then it answers at once.`
            : `Version ${live} answers now. Version ${n} is read and checked first, then it answers at once; version ${live} is kept.`,
    reason: 'Reason',
    reasonHelp: 'Stands in the history.',
    done: (n: number) => `Version ${n} answers now.`,
    undone: (n: number) => `Version ${n} answers again.`,
    undoReason: 'taken back',
}

export const train = {
    what: 'What would be learned',
    labels: 'Labels',
    samples: 'Labelled samples',
    single: 'Labels with one sample',
    live: 'Answers now',
    version: (n: number) => `version ${n}`,
    nothingLive: 'nothing yet',
    fresh: (n: number) => `${times(n, 'new sample', 'new samples')} since the last training.`,
    automatic: (n: number, least: number) =>
        `${Math.max(0, n).toLocaleString('en')} of ${least.toLocaleString('en')} new samples until the next automatic training.`,
    scheduled: (when: string, least: number) =>
        `Looks by itself: ${when}, and trains when at least ${times(least, 'sample is', 'samples are')} new.`,
    byHand: 'Nothing trains by itself here; Settings say how to turn that on.',
    emptyTitle: 'Nothing to learn from yet',
    emptyFaces:
        'Bring photos into the collection and say who is on them; two people with a few photos each are enough to begin.',
    emptySounds: 'Bring recordings with a label below; two labels with a few recordings each are enough to begin.',
    toOverview: 'Bring photos in',
    oneLabel:
        'There is one label only. A second one, such as background or “somebody else”, is needed to tell it from anything.',
    singles: (n: number) =>
        `${times(n, 'label has', 'labels have')} one sample only: “nearest neighbours” and “centres” learn them, the others need two. Without a choice here the nearest neighbours are taken.`,

    order: 'Train',
    head: 'What learns',
    heads: {
        '': 'Keep what answers now',
        svm: 'Support vectors (svm)',
        logistic: 'Logistic regression (logistic)',
        knn: 'Nearest neighbours (knn)',
        mlp: 'Neural network (mlp)',
        prototypes: 'Centres (prototypes)',
    } as Record<string, string>,
    fits: {
        svm: 'Faces with a few photos each: exact, learns in seconds. Two samples per label at least.',
        logistic: 'Sounds: steady with few samples and noisy labels, and its probabilities are honest.',
        knn: 'One sample per label is enough; thousands of labels; new ones need no long training.',
        mlp: 'Hundreds of samples per label: learns over many epochs, which you can watch.',
        prototypes: 'Labels that look different at times (costumes, angles): a few centres each, from one sample on.',
    } as Record<string, string>,
    keeps: (head: string) => `Goes on with ${head}.`,
    usual: 'Nothing answers yet: takes what is usual for this kind of collection.',
    needsTwo: (n: number) =>
        `${times(n, 'label has', 'labels have')} one sample only, which this kind cannot learn; the training would stop with an error.`,
    reason: 'Reason',
    reasonHelp: 'Stands in the history of versions.',
    advanced: 'Advanced',
    epochs: 'Epochs at most',
    epochsHelp: '1 to 100 000; it stops by itself when nothing gets better. Empty: 100.',
    threshold: 'Threshold',
    thresholdHelp: 'The least probability to be known.',
    thresholdKeep: (v: string) => `Keep ${v}, as chosen`,
    thresholdFind: 'Found by itself',
    thresholdFix: 'Fixed',
    thresholdValue: 'Fixed threshold',
    thresholdValueHelp: 'From 0 to 1.',
    minAccuracy: 'Least accuracy to answer',
    minAccuracyHelp: (set: string | null) =>
        set
            ? `From 0 to 1, on held-out samples. Empty: ${set}, as set in espy.conf.`
            : 'From 0 to 1, on held-out samples. Empty: not worse than what answers now.',
    seed: 'Seed',
    seedHelp: 'A whole number; the same seed and samples give the same version. Empty: 42.',
    force: 'Let it answer whatever the gate finds',
    start: 'Start training',
    mayNot: 'Your account may look but not train.',

    running: 'Training',
    queued: 'The training waits for other work to end.',
    log: (n: number) => `Log (${times(n, 'line', 'lines')})`,
    outcome: 'Result',
    failed: 'The training failed.',
    failedHow: 'What answered before goes on answering.',
    cancelled: 'The training was stopped. What answered before goes on answering.',
    notDue: (n: number) =>
        `Nothing was trained: only ${times(n, 'sample is', 'samples are')} new, fewer than asked for.`,
    promoted: (n: number) => `Version ${n} was learned and answers now.`,
    refused: (n: number) => `Version ${n} was learned but does not answer: it did not pass the gate.`,
    refusedLive: (n: number) => `Version ${n} goes on answering. Keep it, or let the new one answer all the same.`,
    refusedNone: 'Nothing answers yet.',
    back: (n: number, live: number) => `Version ${n} was learned; version ${live} answers.`,
    inVersions: 'See it in Versions',
    again: 'Train again',
}
