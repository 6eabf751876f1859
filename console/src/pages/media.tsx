import type { Params } from '../app/router'

export default function Page({ params }: { params: Params }) {
  return <h1>media {Object.keys(params).length}</h1>
}
