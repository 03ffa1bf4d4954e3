import * as z from 'zod';

// Compiled schemas are faster, and a policy that forbids code from text forbids even the attempt. First of all imports.
z.config({ jitless: true });
