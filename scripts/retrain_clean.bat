@echo off
rem espy retrain clean, with further options as given.
if "%ESPY%"=="" set ESPY=espy
"%ESPY%" retrain clean %*
set status=%errorlevel%
pause
exit /b %status%
