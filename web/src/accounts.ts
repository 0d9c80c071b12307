// What one does with one's own account and, as an administrator, with the
// place: the calls of the API, and what of the preferences the page goes by.
import { call, part, query } from "./api";
import type {
  Account, AdminAccount, AdminPerson, AuditLog, Ended, First, FirstOwner, MailTest, Me, NewCodes, Passkey, PasskeyAnswer, PasskeyChallenge, Preferences, Profile, PushKey,
  PushSubscription as Subscription, Recovery, Sessions, Settings, SignedIn,
} from "./api.gen";
import { state } from "./state";

const confirmed = (password: string) => ({ password });

export const accounts = {
  signIn: (login: string, password: string, more: { code?: string; passkey?: PasskeyAnswer } = {}) =>
    call<SignedIn>("POST", "/session", { login, password, ...more }),
  askPasskey: () => call<PasskeyChallenge>("POST", "/session/passkey", {}),
  usePasskey: (answer: PasskeyAnswer) => call<SignedIn>("PUT", "/session/passkey", answer),
  first: () => call<First>("GET", "/first"),
  makeFirst: (owner: FirstOwner) => call<SignedIn>("POST", "/first", owner),

  account: () => call<Account>("GET", "/account"),
  edit: (profile: Profile) => call<Me>("PATCH", "/account", profile),
  changePassword: (old: string, password: string) => call<unknown>("PUT", "/account/password", { old, password }),
  preferences: () => call<Preferences>("GET", "/account/preferences"),
  setPreferences: (values: Record<string, string>) => call<Preferences>("PATCH", "/account/preferences", { values }),
  sessions: () => call<Sessions>("GET", "/account/sessions"),
  endSession: (id: string) => call<unknown>("DELETE", "/account/sessions/" + part(id)),
  endOthers: () => call<Ended>("DELETE", "/account/sessions"),
  offerCodes: (password: string) => call<NewCodes>("POST", "/account/codes", confirmed(password)),
  setCodes: (ticket: string, code: string) => call<Recovery>("PUT", "/account/codes", { ticket, code }),
  removeCodes: (password: string) => call<unknown>("DELETE", "/account/codes", confirmed(password)),
  newRecovery: (password: string) => call<Recovery>("POST", "/account/recovery", confirmed(password)),
  offerPasskey: (password: string) => call<PasskeyChallenge>("POST", "/account/passkeys/new", confirmed(password)),
  addPasskey: (answer: PasskeyAnswer, name: string) => call<Passkey>("POST", "/account/passkeys", { ...answer, name }),
  namePasskey: (id: string, name: string) => call<unknown>("PATCH", "/account/passkeys/" + part(id), { name }),
  removePasskey: (id: string, password: string) => call<unknown>("DELETE", "/account/passkeys/" + part(id), confirmed(password)),
  pushKey: () => call<PushKey>("GET", "/account/push"),
  addPush: (subscription: Subscription) => call<unknown>("POST", "/account/push", subscription),
  removePush: (endpoint: string) => call<unknown>("DELETE", "/account/push", { endpoint }),
  unsubscribe: (token: string) => call<unknown>("POST", "/unsubscribe/" + part(token), {}),

  settings: () => call<Settings>("GET", "/admin/settings"),
  setSettings: (values: Record<string, string>) => call<Settings>("PATCH", "/admin/settings", { values }),
  mailTest: () => call<MailTest>("POST", "/admin/mail-test", {}),
  audit: (q: string, before = "") => call<AuditLog>("GET", "/admin/audit" + query({ q, before })),
  person: (id: string) => call<AdminAccount>("GET", "/admin/people/" + part(id)),
  editPerson: (id: string, profile: Profile) => call<AdminPerson>("PATCH", "/admin/people/" + part(id), profile),
  endAllOf: (id: string) => call<Ended>("DELETE", `/admin/people/${part(id)}/sessions`),
  resetFactors: (id: string) => call<unknown>("DELETE", `/admin/people/${part(id)}/factors`),
};

// pref is what one has set; the server says it first.
export const pref = (name: string): string => state.preferences.value[name] ?? "";
export const isOn = (name: string): boolean => pref(name) === "on";

// fetchPrefs takes in what was set on another device.
export async function fetchPrefs(): Promise<void> {
  const p = await accounts.preferences().catch(() => null);
  if (p && state.phase.value === "ready") state.preferences.value = p.values;
}

// setPrefs shows a change at once, and takes it back if the server refuses it.
export async function setPrefs(values: Record<string, string>): Promise<void> {
  const before = state.preferences.value;
  state.preferences.value = { ...before, ...values };
  try {
    state.preferences.value = (await accounts.setPreferences(values)).values;
  } catch (e) {
    state.preferences.value = before;
    throw e;
  }
}
