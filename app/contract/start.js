// Draws the contract into the page; the addresses are relative, so that a proxy may put a path before them.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  validatorUrl: null,
  layout: "BaseLayout",
});
