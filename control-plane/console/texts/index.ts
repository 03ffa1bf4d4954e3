import { access } from './access.ts';
import { audit } from './audit.ts';
import { common } from './common.ts';
import { health } from './health.ts';
import { instances } from './instances.ts';
import { install } from './install.ts';
import { remedies } from './remedies.ts';
import { reset } from './reset.ts';
import { resets } from './resets.ts';
import { settings } from './settings.ts';
import { nothing } from './words.ts';

/** Every sentence that the console says of itself, ready to be translated. What the control plane says is shown as it comes. */
export const texts = {
  ...common,
  access,
  audit,
  health,
  install,
  instances,
  remedies,
  reset,
  resets,
  settings,
  nothing,
};
