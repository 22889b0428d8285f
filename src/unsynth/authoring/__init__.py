"""Write task files for your own plugins: probe the plugin, draft a file, check a task."""
