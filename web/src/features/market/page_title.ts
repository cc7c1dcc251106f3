import { effect } from '@preact/signals';
import * as fmt from '../../lib/fmt';
import { connectionState } from '../connection/connection';
import { account } from '../positions/positions';
import { instrument } from './instruments';
import { lastTrade } from './market';

/** The last price in the title of the tab, for a page that is not in front; no price when it would be an old one. */
export function followTitle(): void {
  effect(() => {
    const known = instrument.value;
    const price = connectionState.value === 'live' && known && lastTrade.value ? `${fmt.number(lastTrade.value.price, known.price_decimals)} ` : '';
    document.title = `${price}${known?.symbol ?? ''} ${account.value?.mode ?? ''} stoa`.replace(/ +/g, ' ').trim();
  });
}
