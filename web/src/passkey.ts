// Passkeys: what the browser's WebAuthn wants and gives, as JSON for the
// server. The browsers' own functions for it are too young to count on.
import { accounts } from "./accounts";
import { Fault } from "./api";
import type { PasskeyAnswer, PasskeyChallenge, SignedIn } from "./api.gen";
import { words } from "./words";

export const hasPasskeys = () => typeof PublicKeyCredential === "function";

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

function textOf(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

interface Descriptor { type: "public-key"; id: string; transports?: AuthenticatorTransport[] }

interface Wire {
  challenge: string;
  user?: { id: string; name: string; displayName: string };
  excludeCredentials?: Descriptor[];
  allowCredentials?: Descriptor[];
}

const ids = (list: Descriptor[] | undefined): PublicKeyCredentialDescriptor[] => (list ?? []).map((d) => ({ ...d, id: bytesOf(d.id) }));

// ask runs a ceremony; what the person or the browser refuses is one fault.
async function ask(run: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  if (!hasPasskeys()) throw new Fault("invalid", words.passkeyTrouble.browser ?? "");
  try {
    const c = await run();
    if (c instanceof PublicKeyCredential) return c;
  } catch (e) {
    if (!(e instanceof DOMException)) throw e;
  }
  throw new Fault("invalid", words.passkeyFailed);
}

function answerOf(c: PublicKeyCredential, ticket: string): PasskeyAnswer {
  const r = c.response;
  const response: Record<string, unknown> = { clientDataJSON: textOf(r.clientDataJSON) };
  if (r instanceof AuthenticatorAttestationResponse) {
    response.attestationObject = textOf(r.attestationObject);
    response.transports = r.getTransports?.() ?? [];
  } else if (r instanceof AuthenticatorAssertionResponse) {
    response.authenticatorData = textOf(r.authenticatorData);
    response.signature = textOf(r.signature);
    if (r.userHandle) response.userHandle = textOf(r.userHandle);
  }
  return {
    ticket,
    answer: {
      id: c.id, rawId: textOf(c.rawId), type: c.type, response, clientExtensionResults: {},
      ...(c.authenticatorAttachment ? { authenticatorAttachment: c.authenticatorAttachment } : {}),
    },
  };
}

// showPasskey answers a challenge with a passkey of this device.
export async function showPasskey(challenge: PasskeyChallenge): Promise<PasskeyAnswer> {
  const o = challenge.options as Wire & PublicKeyCredentialRequestOptions;
  const c = await ask(() => navigator.credentials.get({ publicKey: { ...o, challenge: bytesOf(o.challenge as string), allowCredentials: ids(o.allowCredentials as Descriptor[]) } }));
  return answerOf(c, challenge.ticket);
}

// makePasskey makes a passkey on this device.
export async function makePasskey(challenge: PasskeyChallenge): Promise<PasskeyAnswer> {
  const o = challenge.options as Wire & PublicKeyCredentialCreationOptions;
  const user = o.user as unknown as { id: string; name: string; displayName: string };
  const c = await ask(() => navigator.credentials.create({
    publicKey: { ...o, challenge: bytesOf(o.challenge as string), user: { ...user, id: bytesOf(user.id) }, excludeCredentials: ids(o.excludeCredentials as Descriptor[]) },
  }));
  return answerOf(c, challenge.ticket);
}

export async function enterByPasskey(): Promise<SignedIn> {
  return accounts.usePasskey(await showPasskey(await accounts.askPasskey()));
}
