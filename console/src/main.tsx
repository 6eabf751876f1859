import './parts/stay'
import { render } from 'preact'
import { App } from './app/app'
import { setTheme, theme } from './app/theme'
import './style/base.css'
import './style/parts.css'

setTheme(theme())
render(<App />, document.getElementById('app')!)
