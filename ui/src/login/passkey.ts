/** What the browser does for a passkey: to make one, and to sign in with one. */
import { api, type Answer, type Me, type Passkey } from '../api/client';
import { troubleOf, type Done } from './said';

/** Whether this browser, at this address, can have passkeys of the center at `url`. */
export function canPasskey(url: string): boolean {
  return (
    location.origin === url &&
    'PublicKeyCredential' in window &&
    'parseCreationOptionsFromJSON' in PublicKeyCredential
  );
}

async function answered<T>(
  asked: Answer<unknown>,
  ask: (options: unknown) => Promise<Credential | null>,
  send: (credential: PublicKeyCredentialJSON) => Promise<Answer<T>>,
): Promise<Done<T>> {
  if ('failure' in asked) return asked;
  let credential: Credential | null;
  try {
    credential = await ask(asked.ok);
  } catch (error) {
    return { trouble: troubleOf(error) };
  }
  if (!(credential instanceof PublicKeyCredential)) return { trouble: 'unable' };
  return send(credential.toJSON() as PublicKeyCredentialJSON);
}

export async function registerPasskey(name: string): Promise<Done<Passkey>> {
  return answered(
    await api.newPasskey(),
    (options) =>
      navigator.credentials.create({
        publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(
          options as PublicKeyCredentialCreationOptionsJSON,
        ),
      }),
    (credential) => api.registerPasskey(name, credential),
  );
}

export async function signInByPasskey(): Promise<Done<Me>> {
  return answered(
    await api.askPasskey(),
    (options) =>
      navigator.credentials.get({
        publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(
          options as PublicKeyCredentialRequestOptionsJSON,
        ),
      }),
    api.signInByPasskey,
  );
}
