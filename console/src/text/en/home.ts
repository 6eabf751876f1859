export const home = {
    open: 'Open',
    collectionsTitle: 'Collections',
    allCollections: (n: number) => `All ${n} collections`,
    answers: (version: number, head: string) => `Version ${version} answers (${head})`,
    learned: 'learned',
    right: (share: string) => `${share} right`,
    noLive: 'Nothing answers yet: nothing has been learned.',
    trend: (of: string) => `Share of right answers by version: ${of}`,
    trendPoint: (version: number, share: string) => `version ${version} ${share}`,
    toLabel: (n: number, what: string) =>
        n === 1 ? `1 ${what} waits for a name` : `${n.toLocaleString('en')} ${what}s wait for a name`,
    nothingToLabel: 'Everything has a name.',
    noSamples: 'No examples yet.',
    addSamples: 'Add examples',
    fresh: (n: number) =>
        n === 0
            ? 'Nothing new since the last training.'
            : n === 1
              ? '1 new sample since the last training.'
              : `${n.toLocaleString('en')} new samples since the last training.`,
    untilTraining: (n: number, of: number) =>
        `${n.toLocaleString('en')} of ${of.toLocaleString('en')} new samples until the next training`,
    enough: (n: number) => `${n.toLocaleString('en')} new samples: enough for the next training`,
    session: (name: string) => `Session ${name}`,
    jobs: 'Jobs',
    noJobs: 'No jobs yet. Trainings, groupings and the like show here while they run and afterwards.',
    allJobs: 'All jobs',
    news: 'Lately',
    noNews: 'What people and jobs do shows here as it happens.',
    times: (n: number) => `× ${n}`,
    emptyTitle: 'Start with a collection',
    emptyText: 'espy learns faces or sounds from a few labelled examples. Three steps lead to the first answer.',
    steps: [
        [
            'Make a collection',
            'One for each group of people or kind of sound that belongs together, such as a class or a garden.',
        ],
        [
            'Add examples',
            'Three or more photos of each person, or recordings of each sound: one by one, as a zip archive with a folder for each, or group photos that are sorted afterwards.',
        ],
        [
            'Train',
            'It takes seconds. What was learned is checked before it answers; whoever it does not know stays unknown.',
        ],
    ] as [string, string][],
    make: 'Make a collection',
    askAdmin: 'There is nothing that you may see yet. Ask an administrator for a collection of yours.',
}
