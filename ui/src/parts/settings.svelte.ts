/** What a person has chosen on this computer; survives a reload. */
import { houseOffset, Times } from './time';
import { WORDS, type Language, type Words } from './words';

export type Theme = 'dark' | 'light';

const COOKIE = 'serambi_lang';
const YEAR_S = 365 * 24 * 3600;

export function stored(name: string): string | null {
  try {
    return localStorage.getItem(`serambi.${name}`);
  } catch {
    return null;
  }
}

export function store(name: string, value: string): void {
  try {
    localStorage.setItem(`serambi.${name}`, value);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

/** The cookie is shared with the pages that the server makes itself. */
function firstLanguage(): Language {
  const cookie = new RegExp(`(?:^|; )${COOKIE}=(id|en)`).exec(document.cookie)?.[1];
  const chosen = cookie ?? stored('language');
  if (chosen === 'id' || chosen === 'en') return chosen;
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return preferred.find((tag) => tag === 'id' || tag === 'en') ?? 'id';
}

class Settings {
  language = $state<Language>(firstLanguage());
  theme = $state<Theme>(stored('theme') === 'light' ? 'light' : 'dark');
  readonly words: Words = $derived(WORDS[this.language]);
  readonly times: Times = $derived(
    new Times(this.words, houseOffset(-new Date().getTimezoneOffset())),
  );

  constructor() {
    this.show();
  }

  switchLanguage(): void {
    this.language = this.language === 'id' ? 'en' : 'id';
    store('language', this.language);
    document.cookie = `${COOKIE}=${this.language}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
    this.show();
  }

  switchTheme(): void {
    this.theme = this.theme === 'dark' ? 'light' : 'dark';
    store('theme', this.theme);
    this.show();
  }

  private show(): void {
    document.documentElement.lang = this.language;
    document.documentElement.dataset['theme'] = this.theme;
  }
}

export const settings = new Settings();
