import { get } from 'node:https';

/** What its installer would put beside the agent: where the server is, and which group to join. */
export function settingsFor(at: {
  readonly port: number;
  readonly ca: string;
  readonly group: string;
}): Promise<string> {
  const id = encodeURIComponent(at.group.replace('mesh//', ''));
  const url = `https://127.0.0.1:${at.port}/meshsettings?id=${id}`;
  return new Promise((resolve, reject) => {
    // Its certificate names no address, only its own authority.
    const request = get(url, { ca: at.ca, checkServerIdentity: () => undefined }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`MeshCentral gives no settings: ${String(response.statusCode)}`));
      });
    });
    request.on('error', reject);
  });
}
