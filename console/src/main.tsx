import { render } from "preact";

render(<h1>espy</h1>, document.getElementById("app")!);
