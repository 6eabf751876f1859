export const live = {
    untrained: {
        title: { face: 'Nobody is known yet', sound: 'No sound is known yet' },
        text: {
            face: 'Live names the people that this collection has learned. Upload photos, say who is on them, then train; it takes a few minutes.',
            sound: 'Live names the sounds that this collection has learned. Upload recordings, say what they are, then train; it takes a few minutes.',
        },
        add: 'Upload and label',
        train: 'Train',
    },
    tabs: { camera: 'Camera', photo: 'Try a photo' } as Record<string, string>,
    tabsLabel: 'What is looked at',

    camera: 'Camera',
    microphone: 'Microphone',
    deviceNumber: { videoinput: (n: number) => `Camera ${n}`, audioinput: (n: number) => `Microphone ${n}` },
    usual: 'The usual one',
    start: 'Start',
    stop: 'Stop',
    starting: 'Starting…',
    keyStart: 'Start or stop',
    keyPhoto: 'Take a photo for the session',
    mirror: 'Mirror the preview',
    preview: 'What the camera sees',
    off: { videoinput: 'The camera is off.', audioinput: 'The microphone is off.' },
    offHelp: {
        videoinput:
            'Start it, and everyone who comes into view is named here. Nothing is kept unless you take a photo for a session.',
        audioinput: 'Start it, and every sound that was learned is listed here as it is heard. Nothing is recorded.',
    },
    device: {
        insecure: {
            videoinput:
                'Browsers give the camera only to https:// or localhost. Start espy with --certificate (docs/server.md, “TLS and proxies”), or open this page on the server itself.',
            audioinput:
                'Browsers give the microphone only to https:// or localhost. Start espy with --certificate (docs/server.md, “TLS and proxies”), or open this page on the server itself.',
        },
        denied: {
            videoinput:
                'The browser was told to refuse the camera. Allow it with the button beside the address, then start again.',
            audioinput:
                'The browser was told to refuse the microphone. Allow it with the button beside the address, then start again.',
        },
        missing: {
            videoinput: 'No camera was found. Plug one in, then start again; or try a photo.',
            audioinput: 'No microphone was found. Plug one in, then start again; or open a recording under Listen.',
        },
        busy: {
            videoinput: 'The camera gives no picture. Another program may be using it: close that, then start again.',
            audioinput: 'The microphone gives no sound. Another program may be using it: close that, then start again.',
        },
        gone: {
            videoinput: 'The camera was unplugged or taken away. Plug it in, then start again.',
            audioinput: 'The microphone was unplugged or taken away. Plug it in, then start again.',
        },
    },

    result: 'Last decision',
    waiting: 'Waiting for a picture…',
    noFace: 'No face',
    noFaceHelp: 'Come closer, face the camera.',
    looking: 'Looking…',
    unknown: 'Unknown',
    known: 'Known',
    marked: 'Marked',
    already: (time: string) => `Already marked at ${time}`,
    takenBackByHand: 'Taken back by hand',
    others: (n: number) => (n === 1 ? 'and 1 more face' : `and ${n} more faces`),
    boxText: (name: string, percent: string) => `${name} ${percent}`,

    session: 'Session',
    noSession: 'None: only look',
    newSession: 'New session…',
    newSessionTitle: 'New session',
    sessionName: 'Name',
    sessionDate: 'Date',
    sessionClosed: 'The session was ended elsewhere. Choose another one.',
    sessionMade: (name: string) => `Session “${name}” is open.`,
    end: 'End session',
    endTitle: (name: string) => `End “${name}”?`,
    endText: 'Nobody is marked in it any more. Its list stays, and it can be opened again.',
    ended: (name: string) => `“${name}” has ended.`,
    openSession: 'Open the session’s page',
    photo: 'Take a photo for the session',
    photoKept: (faces: number) =>
        faces === 1 ? 'Photo kept with the session: 1 face.' : `Photo kept with the session: ${faces} faces.`,
    photoKnown: 'This very photo is in the collection already.',

    here: 'Who is here',
    hereCount: (n: number) => (n === 1 ? '1 person' : `${n} people`),
    nobodyYet: 'Nobody yet. Who is recognised in three looks is marked by itself.',
    byHand: 'by hand',
    takeBack: 'Take back',
    takeBackOf: (name: string) => `Take back: ${name}`,
    tookBack: (name: string) => `${name} is not marked any more.`,
    absent: 'Taken back',
    markAgain: 'Mark again',
    markAgainOf: (name: string) => `Mark again: ${name}`,
    markByHand: 'Mark by hand: name or code',
    handMarked: (name: string) => `${name} is marked.`,

    drop: {
        face: 'Drop a photo here to ask who is on it. It is not kept.',
        sound: 'Drop a recording here to hear what is in it. It is not kept.',
    },
    choose: { face: 'Choose a photo', sound: 'Choose a recording' },
    another: { face: 'Another photo', sound: 'Another recording' },
    asking: 'Asking…',
    photoAlt: (name: string) => `The photo ${name}`,
    cannotShow: 'This browser cannot show such a picture; the faces that were found are listed.',
    faces: (n: number) => (n === 1 ? '1 face' : `${n} faces`),
    noFaces: 'No face was found. Larger, sharper and frontal faces are found best.',
    candidates: 'Who it may be',
    candidate: 'Candidate',
    similarity: 'Similarity',
    probability: 'Probability',
    rule: (threshold: string, floor: string, version: number) =>
        `Version ${version} says “known” from a probability of ${threshold} and a similarity of ${floor} on.`,
    why: {
        known: (p: string, s: string) => `Known: probability ${p} and similarity ${s} are both high enough.`,
        unlikely: (p: string, least: string) =>
            `Unknown: the probability of the best candidate, ${p}, is below ${least}.`,
        unlike: (s: string, least: string) =>
            `Unknown: the similarity to the nearest training sample, ${s}, is below ${least}. The model has seen nothing like it.`,
        ambiguous: 'Ambiguous: the best two candidates are too close to each other to choose.',
        poor: 'Too poor to tell: too small, too blurred or too faint. It gets no name, however likely one looks.',
    },

    level: 'Level',
    levelText: (db: number) => `${db} dB`,
    spectrogram: 'Spectrogram of the last seconds',
    silence: 'Silence',
    nothingKnown: 'Unknown',
    nothingKnownHelp: 'There is sound, but none that was learned.',
    hearing: 'Hearing',
    hearsNothing:
        'The microphone hears nothing. Check that it is not muted, that the right one is chosen above, and its level in the system’s settings.',
    stalled: 'The microphone sends nothing any more. Stop and start it again; if that does not help, plug it in anew.',
    behind: 'The server answers more slowly than sound comes in; some of it was left out.',
    events: 'What was heard',
    eventsNone: 'Nothing yet. Each sound that was learned is listed here when it is heard.',
    event: 'Sound',
    from: 'From',
    to: 'To',
    length: 'Seconds',
    goingOn: 'going on',
    clear: 'Clear the list',
    openListen: 'Open a recording instead',
}
