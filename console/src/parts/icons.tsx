// Line icons, 24 x 24.
const paths = {
    home: 'M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-5v-6h-4v6H5a1 1 0 0 1-1-1z',
    collections: 'M4 6h7v5H4zM13 6h7v5h-7zM4 13h7v5H4zM13 13h7v5h-7z',
    people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.7-6 6-6s6 2.5 6 6M16 11a3 3 0 1 0-1-5.8M17.5 14.3c2.1.8 3.5 3 3.5 5.7',
    system: 'M4 5h16v6H4zM4 13h16v6H4zM7 8h.01M7 16h.01',
    overview: 'M5 4h14v16H5zM9 9h6M9 13h6M9 17h3',
    review: 'M4 12l5 5L20 6',
    live: 'M4 7h11v10H4zM15 11l5-3v8l-5-3',
    listen: 'M4 10v4M8 6v12M12 3v18M16 7v10M20 10v4',
    train: 'M4 19h16M5 15l4-5 4 3 6-8',
    versions: 'M12 4v16M6 8h12M8 12h8M6 16h12',
    settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 4.5v5M9 14.5v5',
    account: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20c0-4 3.6-6 8-6s8 2 8 6',
    menu: 'M4 7h16M4 12h16M4 17h16',
}

export type IconName = keyof typeof paths

export function Icon({ name }: { name: IconName }) {
    return (
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d={paths[name]} />
        </svg>
    )
}
