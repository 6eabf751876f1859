export const units = {
    bytes: ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'],
}
