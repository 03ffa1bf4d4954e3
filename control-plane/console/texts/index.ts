import { common } from './common.ts';
import { health } from './health.ts';
import { instances } from './instances.ts';

/** Every sentence that the console says of itself, ready to be translated. What the control plane says is shown as it comes. */
export const texts = { ...common, health, instances };
