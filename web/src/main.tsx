import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './shared/mantine-styles.ts';
import 'virtual:theme.css';
import './shared/base.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queryClient } from './shared/queries.ts';
import { takeLoginToken } from './shared/session.ts';
import { theme } from './shared/theme.ts';
import { router } from './router.tsx';

const container = document.querySelector('#root');
if (container === null) throw new Error('The page has no element with the id root.');

await takeLoginToken();

createRoot(container).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
