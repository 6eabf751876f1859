export const media = {
  title: 'Photo',
}
