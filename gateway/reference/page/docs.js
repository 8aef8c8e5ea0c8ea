"use strict";

// What is entered under "Authorize" lives in this page's memory only, and is sent as a header only: never kept
// (persistAuthorization), never read from or written to the address (queryConfigEnabled).

// The command line that repeats a call must not show the credential: pages end up in screenshots.
const hideCredentials = () => ({
  wrapComponents: {
    curl: (Original, { React }) => (properties) => {
      const hide = (value, name) =>
        ({ "authorization": "Bearer <your key>", "x-api-key": "<your key>" })[name.toLowerCase()] ?? value;
      const request = properties.request.update("headers", (headers) => headers && headers.map(hide));
      return React.createElement(Original, { ...properties, request });
    },
  },
});

SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("reference"),
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [hideCredentials],
  layout: "BaseLayout",
  validatorUrl: null,
  persistAuthorization: false,
  queryConfigEnabled: false,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
});
