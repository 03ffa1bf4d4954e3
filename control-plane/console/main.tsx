import './no-eval.ts';
import '@cloudscape-design/global-styles/index.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createClient } from './api/client.ts';
import { ClientContext } from './api/context.ts';
import { createQueries } from './api/queries.ts';
import { App } from './app.tsx';
import { followColourScheme } from './parts/colour-scheme.ts';

const place = document.getElementById('console');
if (place === null) throw new Error('the page has no place for the console');

followColourScheme();
const client = createClient({ fetch: (url, init) => fetch(url, init) });
createRoot(place).render(
  <StrictMode>
    <ClientContext value={client}>
      <QueryClientProvider client={createQueries()}>
        <App />
      </QueryClientProvider>
    </ClientContext>
  </StrictMode>,
);
