import packageJson from '../../package.json' with { type: 'json' };

/** The version of this control plane, as `package.json` has it. */
export const SERVER_VERSION: string = packageJson.version;
