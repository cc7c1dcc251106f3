import { beforeEach, describe, expect, it, vi } from 'vitest';
import { adoptToken, hasToken, refusedToken, token, acceptToken } from './session';

const history = { replaceState: vi.fn() };
const at = (hash: string) => ({ hash, pathname: '/', search: '' });

beforeEach(() => {
  sessionStorage.clear();
  history.replaceState.mockClear();
  token.value = null;
  refusedToken.value = null;
});

describe('token', () => {
  it('moves from the address into the session and keeps the rest of the hash', () => {
    adoptToken(at('#token=abc&symbol=BTCUSDT'), history, sessionStorage);
    expect(token.value).toBe('abc');
    expect(sessionStorage.getItem('stoa.token')).toBe('abc');
    expect(history.replaceState).toHaveBeenCalledWith(null, '', '/#symbol=BTCUSDT');
  });

  it('survives a reload of the tab', () => {
    sessionStorage.setItem('stoa.token', 'kept');
    adoptToken(at(''), history, sessionStorage);
    expect(token.value).toBe('kept');
    expect(history.replaceState).not.toHaveBeenCalled();
  });

  it('is absent without either: the page is read-only', () => {
    adoptToken(at(''), history, sessionStorage);
    expect(hasToken.value).toBe(false);
  });

  it.each(['abc', ' abc ', 'http://127.0.0.1:8080/#token=abc'])('is read from pasted %j', (text) => {
    acceptToken(text);
    expect(token.value).toBe('abc');
  });

  it('does not count once refused, until another one is given', () => {
    acceptToken('wrong');
    refusedToken.value = 'wrong';
    expect(hasToken.value).toBe(false);
    acceptToken('right');
    expect(hasToken.value).toBe(true);
  });
});
