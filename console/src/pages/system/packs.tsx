// The packs of networks: what they are for, under which licence, and how to get those that are not here.
import type { Pack } from '../../api/types'
import { t } from '../../text'

function Row({ pack }: { pack: Pack }) {
    return (
        <tr>
            <th scope="row">
                {pack.name}
                {pack.summary && <small class="below">{pack.summary}</small>}
            </th>
            <td>{pack.modality === 'face' ? t.common.faces : t.common.sounds}</td>
            <td class="number">{pack.dimension}</td>
            <td>{pack.licence ?? '–'}</td>
            <td>
                <span class={'badge ' + (pack.commercial ? 'known' : 'doubtful')}>
                    {pack.commercial ? t.system.may : t.system.mayNot}
                </span>
            </td>
            <td>
                <span class={'badge ' + (pack.usable ? 'known' : 'unknown')}>
                    {pack.usable ? t.system.usable : t.system.notUsable}
                </span>
                {pack.why && <small class="below">{pack.why}</small>}
            </td>
        </tr>
    )
}

export function Packs({ packs }: { packs: Pack[] }) {
    return (
        <>
            <p class="quiet">{t.system.packsText}</p>
            <div class="scroll" role="region" aria-label={t.system.tabs.packs} tabIndex={0}>
                <table class="packs">
                    <thead>
                        <tr>
                            <th scope="col">{t.system.pack}</th>
                            <th scope="col">{t.system.kind}</th>
                            <th scope="col" class="number">
                                {t.system.dimension}
                            </th>
                            <th scope="col">{t.system.licence}</th>
                            <th scope="col">{t.system.commercial}</th>
                            <th scope="col">{t.common.status}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {packs.map((p) => (
                            <Row key={p.name} pack={p} />
                        ))}
                    </tbody>
                </table>
            </div>
        </>
    )
}
