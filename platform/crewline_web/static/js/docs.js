// Swagger UI on our own document, with nothing from elsewhere.
addEventListener('DOMContentLoaded', () => {
  const place = document.getElementById('docs');
  globalThis.SwaggerUIBundle({ url: place.dataset.document, domNode: place, deepLinking: true, validatorUrl: null });
});
