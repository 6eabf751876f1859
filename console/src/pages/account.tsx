import type { Params } from '../app/router'

export default function Page({ params }: { params: Params }) {
  return <h1>account {Object.keys(params).length}</h1>
}
